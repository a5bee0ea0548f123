/**
 * One document, which is why it is long: an annotation of the demo scene, written by hand from what `scene.ts` draws and when,
 * in the `structured` annotation schema. It stands for what a good model would answer. Times are seconds on the scene's clock.
 */

interface Relation {
  readonly relation: string
  readonly objects: ReadonlyArray<string>
  readonly truth: boolean
}

interface Affordance {
  readonly object_name: string
  readonly affordance_types: ReadonlyArray<string>
  readonly reasons: string
}

/** What holds at a moment. */
type Facts = readonly [spatial: ReadonlyArray<Relation>, affordances: ReadonlyArray<Affordance>]

export interface WrittenKeyframe {
  readonly atSec: number
  readonly description: string
  readonly before: Facts
  readonly after: Facts
  /** The place that matters: which part, what it allows, how. */
  readonly hotspot: readonly [description: string, affordanceType: string, mechanism: string]
}

export interface WrittenStep {
  readonly goal: string
  /** `[start, end)`: from the first movement for the step to when its result stands and the gripper is done. */
  readonly range: readonly [startSec: number, endSec: number]
  readonly rationale: string
  readonly action: string
  readonly patient: string
  readonly before: Facts
  readonly after: Facts
  readonly question: string
  readonly outcome: string
  readonly failure: string
  readonly recovery: string
  /** Where the change begins, and where its result stands. */
  readonly keyframes: readonly [WrittenKeyframe, WrittenKeyframe]
}

const holds = (relation: string, ...objects: ReadonlyArray<string>): Relation => ({
  relation,
  objects,
  truth: true,
})
const lacks = (relation: string, ...objects: ReadonlyArray<string>): Relation => ({
  relation,
  objects,
  truth: false,
})
const affords = (object_name: string, type: string, reasons: string): Affordance => ({
  object_name,
  affordance_types: [type],
  reasons,
})

export const agent = "robot_gripper"
export const highLevelGoal =
  "The red_cube is stacked on the blue_block, amber_liquid is in the drinking_glass, and the stack is on the marked_square."

export const writtenSteps: ReadonlyArray<WrittenStep> = [
  {
    goal: "Pick up the red cube",
    range: [0.8, 4.2],
    rationale: "The red_cube has to be free of the table before it can be carried to the blue_block.",
    action: "close the fingers on the sides and lift",
    patient: "red_cube",
    before: [
      [holds("on_top_of", "red_cube", "table"), lacks("between_fingers_of", "red_cube", agent)],
      [
        affords(
          "red_cube",
          "graspable",
          "Its two upright sides are flat and closer together than the open fingers.",
        ),
      ],
    ],
    after: [
      [lacks("on_top_of", "red_cube", "table"), holds("between_fingers_of", "red_cube", agent)],
      [affords("red_cube", "placeable", "It hangs free, with its flat underside facing down.")],
    ],
    question: "What if the fingers of the robot_gripper were closed before they reached the red_cube?",
    outcome: "They would come down on top of the red_cube and press on it, so it would stay on the table.",
    failure: "The fingers close above the middle of the red_cube and slip off its upper edge.",
    recovery: "Open the fingers, lower the robot_gripper further, and close it around the sides again.",
    keyframes: [
      {
        atSec: 3.2,
        description:
          "The fingers are closed on both sides of the red_cube, and it starts to leave the table.",
        before: [
          [holds("on_top_of", "red_cube", "table"), holds("between_fingers_of", "red_cube", agent)],
          [affords("red_cube", "liftable", "Nothing stands on it, and both sides are held.")],
        ],
        after: [
          [lacks("on_top_of", "red_cube", "table")],
          [affords("red_cube", "movable", "Only the fingers hold it, so it follows the robot_gripper.")],
        ],
        hotspot: [
          "The two upright sides of the red_cube where the finger tips touch",
          "graspable",
          "The fingers press from both sides, and friction carries the weight of the red_cube upwards.",
        ],
      },
      {
        atSec: 4.2,
        description:
          "The robot_gripper is at its upper position and holds the red_cube clear of everything on the table.",
        before: [
          [holds("between_fingers_of", "red_cube", agent)],
          [affords("red_cube", "movable", "Only the fingers hold it.")],
        ],
        after: [
          [holds("above", "red_cube", "table"), holds("higher_than", "red_cube", "blue_block")],
          [
            affords(
              "red_cube",
              "placeable",
              "Its underside is free and higher than the top of the blue_block.",
            ),
          ],
        ],
        hotspot: [
          "The free underside of the red_cube",
          "placeable",
          "With nothing below it, the red_cube can be carried sideways over the blue_block.",
        ],
      },
    ],
  },
  {
    goal: "Place the red cube on the blue block",
    range: [5, 8.6],
    rationale: "It uses the lifted red_cube and makes a stack that can be moved as one.",
    action: "carry over the blue_block, lower and let go",
    patient: "red_cube",
    before: [
      [holds("between_fingers_of", "red_cube", agent), lacks("on_top_of", "red_cube", "blue_block")],
      [affords("blue_block", "supportive", "Its top is flat, level, wider than the red_cube and empty.")],
    ],
    after: [
      [holds("on_top_of", "red_cube", "blue_block"), lacks("between_fingers_of", "red_cube", agent)],
      [affords("blue_block", "pushable", "A push against its side takes along what rests on its top.")],
    ],
    question: "What if the red_cube were let go beside the middle of the blue_block, over its edge?",
    outcome:
      "More than half of the red_cube would have nothing below it, so it would tip off and fall onto the table.",
    failure: "The fingers open while the red_cube is still above the blue_block, and it lands askew.",
    recovery:
      "Grip the red_cube by its sides again, lift it a little, and set it down in the middle of the blue_block.",
    keyframes: [
      {
        atSec: 5.6,
        description:
          "The robot_gripper moves to the right with the red_cube in its fingers, towards the blue_block.",
        before: [
          [holds("between_fingers_of", "red_cube", agent), holds("left_of", "red_cube", "blue_block")],
          [affords("red_cube", "movable", "It is held from both sides and touches nothing else.")],
        ],
        after: [
          [holds("moving_towards", "red_cube", "blue_block")],
          [affords("blue_block", "supportive", "Its empty top lies on the way of the red_cube.")],
        ],
        hotspot: [
          "The sides of the red_cube between the finger tips",
          "graspable",
          "The grip takes the red_cube along as the arm slides on the rail.",
        ],
      },
      {
        atSec: 7.7,
        description: "The red_cube rests on the blue_block, and the fingers have opened on both sides of it.",
        before: [
          [holds("on_top_of", "red_cube", "blue_block")],
          [affords("blue_block", "supportive", "Its level top carries the whole underside of the red_cube.")],
        ],
        after: [
          [lacks("between_fingers_of", "red_cube", agent), holds("on_top_of", "red_cube", "blue_block")],
          [affords("red_cube", "stable", "It stands in the middle of the blue_block without being held.")],
        ],
        hotspot: [
          "The contact between the underside of the red_cube and the top of the blue_block",
          "supportive",
          "The blue_block carries the weight of the red_cube, so the fingers can let go of it.",
        ],
      },
    ],
  },
  {
    goal: "Pick up the jug",
    range: [9.4, 13.2],
    rationale:
      "The jug has to be off the table and held by its handle before it can be tilted over the drinking_glass.",
    action: "close the fingers on the handle and lift",
    patient: "jug",
    before: [
      [holds("on_top_of", "jug", "table"), holds("inside", "amber_liquid", "jug")],
      [affords("jug", "graspable", "Its handle has an upright bar that fits between the fingers.")],
    ],
    after: [
      [lacks("on_top_of", "jug", "table"), holds("between_fingers_of", "jug", agent)],
      [affords("jug", "tiltable", "It is held at one side only, so a turn of the robot_gripper turns it.")],
    ],
    question: "What if the handle were on the other side of the jug?",
    outcome: "The fingers would come down beside the jug, close on nothing, and rise without it.",
    failure: "The fingers close beside the upright bar, and the robot_gripper rises without the jug.",
    recovery: "Lower the robot_gripper again, move it until the bar is between the fingers, and close them.",
    keyframes: [
      {
        atSec: 12.2,
        description:
          "The fingers are closed on the upright bar of the handle, and the jug starts to leave the table.",
        before: [
          [holds("on_top_of", "jug", "table"), holds("between_fingers_of", "jug", agent)],
          [affords("jug", "liftable", "Nothing stands on it, and the handle is fixed to its body.")],
        ],
        after: [
          [lacks("on_top_of", "jug", "table")],
          [affords("jug", "movable", "Only the fingers on the handle carry it.")],
        ],
        hotspot: [
          "The upright bar of the handle",
          "graspable",
          "The closed fingers hold the bar from both sides and pull the jug upwards by it.",
        ],
      },
      {
        atSec: 13.2,
        description:
          "The robot_gripper holds the jug upright, high above the table, with the amber_liquid level inside.",
        before: [
          [holds("between_fingers_of", "jug", agent)],
          [affords("jug", "movable", "It touches nothing but the fingers.")],
        ],
        after: [
          [holds("above", "jug", "table"), holds("inside", "amber_liquid", "jug")],
          [affords("jug", "pourable", "Its spout points to the left, towards the drinking_glass.")],
        ],
        hotspot: [
          "The spout at the upper left of the jug",
          "pourable",
          "The jug is free to be turned, and the amber_liquid would run to the spout.",
        ],
      },
    ],
  },
  {
    goal: "Pour liquid into the glass and set the jug down",
    range: [14, 20.6],
    rationale:
      "It uses the held jug, brings amber_liquid into the drinking_glass, and leaves the robot_gripper empty for the stack.",
    action: "tilt over the drinking_glass, turn upright and put down",
    patient: "jug",
    before: [
      [holds("between_fingers_of", "jug", agent), lacks("inside", "amber_liquid", "drinking_glass")],
      [affords("drinking_glass", "fillable", "It stands upright, open at the top and empty.")],
    ],
    after: [
      [holds("inside", "amber_liquid", "drinking_glass"), holds("on_top_of", "jug", "table")],
      [
        affords(
          "jug",
          "graspable",
          "It stands upright where it stood before, with less amber_liquid inside.",
        ),
      ],
    ],
    question: "What if the spout of the jug were to the left of the drinking_glass when the jug is tilted?",
    outcome: "The stream would fall past the rim onto the table, and the drinking_glass would stay empty.",
    failure: "The jug is tilted too far, and the stream is wider than the drinking_glass can catch.",
    recovery:
      "Turn the jug back until the stream is thin, and go on with the spout over the middle of the drinking_glass.",
    keyframes: [
      {
        atSec: 16.1,
        description:
          "The jug is tilted to the left, and a stream of amber_liquid falls from its spout into the drinking_glass.",
        before: [
          [holds("above", "jug", "drinking_glass"), holds("inside", "amber_liquid", "jug")],
          [affords("jug", "pourable", "It is tilted so far that the amber_liquid reaches the spout.")],
        ],
        after: [
          [holds("flows_into", "amber_liquid", "drinking_glass")],
          [affords("drinking_glass", "fillable", "Its open top is right below the spout.")],
        ],
        hotspot: [
          "The spout of the jug, right above the opening of the drinking_glass",
          "pourable",
          "The tilt brings the level surface of the amber_liquid up to the spout, and it falls by its own weight.",
        ],
      },
      {
        atSec: 20,
        description:
          "The jug stands on the table again, the fingers are open, and the drinking_glass holds amber_liquid.",
        before: [
          [holds("on_top_of", "jug", "table"), holds("inside", "amber_liquid", "drinking_glass")],
          [affords("table", "supportive", "Its flat top carries the foot of the jug.")],
        ],
        after: [
          [lacks("between_fingers_of", "jug", agent), holds("on_top_of", "jug", "table")],
          [affords(agent, "usable", "Its fingers are empty and free to push something else.")],
        ],
        hotspot: [
          "The foot of the jug on the table",
          "supportive",
          "The table carries the jug, so it stays upright when the fingers let go of the handle.",
        ],
      },
    ],
  },
  {
    goal: "Push the stack onto the marked square",
    range: [21.4, 25.2],
    rationale:
      "It uses the stack of red_cube and blue_block, and brings it to the place that is marked for it.",
    action: "press the closed fingers against the side and push",
    patient: "blue_block",
    before: [
      [holds("right_of", "blue_block", "marked_square"), holds("on_top_of", "red_cube", "blue_block")],
      [
        affords(
          "blue_block",
          "pushable",
          "Its right side is flat and upright, and the table to its left is empty.",
        ),
      ],
    ],
    after: [
      [holds("on_top_of", "blue_block", "marked_square"), holds("on_top_of", "red_cube", "blue_block")],
      [affords("red_cube", "graspable", "It stands free on top of the blue_block, open from both sides.")],
    ],
    question: "What if the robot_gripper pushed against the red_cube instead of the blue_block?",
    outcome: "The red_cube would slide off the top of the blue_block, which would stay where it is.",
    failure: "The fingers pass above the side of the blue_block and hit the red_cube.",
    recovery:
      "Stop, put the red_cube back on the blue_block, lower the fingers to the table, and push again.",
    keyframes: [
      {
        atSec: 23.3,
        description:
          "The closed fingers touch the right side of the blue_block, and the stack starts to slide to the left.",
        before: [
          [holds("in_contact_with", agent, "blue_block"), holds("right_of", "blue_block", "marked_square")],
          [affords("blue_block", "pushable", "The fingers meet its side low, below the red_cube.")],
        ],
        after: [
          [holds("moving_towards", "blue_block", "marked_square")],
          [affords("red_cube", "movable", "It rests on the blue_block and goes along with it.")],
        ],
        hotspot: [
          "The right side of the blue_block, near the table",
          "pushable",
          "The fingers press to the left, and the blue_block slides on the table and carries the red_cube.",
        ],
      },
      {
        atSec: 24.4,
        description:
          "The blue_block stands on the marked_square with the red_cube on top, and the push has ended.",
        before: [
          [holds("in_contact_with", agent, "blue_block")],
          [
            affords(
              "marked_square",
              "supportive",
              "It is a flat part of the table, with room for the blue_block.",
            ),
          ],
        ],
        after: [
          [holds("on_top_of", "blue_block", "marked_square"), holds("on_top_of", "red_cube", "blue_block")],
          [affords("red_cube", "graspable", "It stands still on top of the blue_block.")],
        ],
        hotspot: [
          "The underside of the blue_block on the marked_square",
          "supportive",
          "Friction with the table stops the stack as soon as the fingers no longer press.",
        ],
      },
    ],
  },
]
