"""Compiles JSON schemas, one a line on stdin, with the grammar engines that are installed; prints one line of JSON for each."""

import importlib.util
import json
import sys


def has(name):
    return importlib.util.find_spec(name) is not None


def engines():
    if has("llguidance"):
        from llguidance import LLMatcher

        yield "llguidance", lambda text: LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(text))
    if has("outlines_core"):
        from outlines_core import json_schema

        yield "outlines_core", lambda text: json_schema.build_regex_from_schema(text) and ""
    if has("xgrammar") and has("torch"):
        import xgrammar

        yield "xgrammar", lambda text: str(xgrammar.Grammar.from_json_schema(text)) and ""
    if has("llama_cpp"):
        from llama_cpp.llama_grammar import json_schema_to_gbnf

        yield "llama.cpp", lambda text: json_schema_to_gbnf(text) and ""


schemas = [line for line in sys.stdin if line.strip()]
for name, compiled in engines():
    problems = []
    for text in schemas:
        try:
            problem = compiled(text)
        except Exception as error:
            problem = repr(error)
        if problem:
            problems.append(problem)
    print(json.dumps({"engine": name, "schemas": len(schemas), "problems": problems}))
