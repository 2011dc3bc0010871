"""The words of the word problems: a story uses each of its numbers once, in digits, and asks one question."""

from typing import Final, Literal

Family = Literal["addition", "division", "times_table"]
FAMILIES: Final[tuple[Family, ...]] = ("addition", "division", "times_table")

NAMES: Final = (
    "Tom", "Mia", "Sam", "Ana", "Leo", "Eva", "Max", "Zoe", "Ben", "Ivy", "Dan", "Lucy", "Omar", "Nina", "Paul", "Rosa",
    "Jack", "Kate", "Hugo", "Lena", "Adam", "Emma", "Noah", "Sara",
)  # fmt: skip
OBJECTS: Final = (
    "apples", "marbles", "stickers", "books", "cookies", "pencils", "shells", "coins", "cards", "balloons", "eggs",
    "flowers", "stamps", "candies", "buttons", "toys", "oranges", "crayons", "beads", "stones", "cupcakes", "tickets",
)  # fmt: skip
CONTAINERS: Final = ("boxes", "bags", "baskets", "jars", "trays", "shelves", "bowls", "drawers")

# {a} and {b} are the numbers in the order of the equation: a + b, a / b, a * b.
STORIES: Final[dict[Family, tuple[str, ...]]] = {
    "addition": (
        "{name} has {a} {things}. {name} gets {b} more {things}. How many {things} does {name} have now?",
        "{name} has {a} {things} and {other} has {b} {things}. How many {things} do they have together?",
        "There are {a} {things} on the table. {name} puts {b} more {things} there. "
        "How many {things} are on the table now?",
        "{name} found {a} {things} on Monday and {b} {things} on Tuesday. How many {things} did {name} find in all?",
        "{name} bought {a} red {things} and {b} blue {things}. How many {things} did {name} buy?",
        "A shop sold {a} {things} in the morning and {b} {things} in the evening. "
        "How many {things} did the shop sell that day?",
        "{name} had {a} {things}. Then {other} gave {name} {b} {things}. How many {things} does {name} have?",
        "One box holds {a} {things}. Another box holds {b} {things}. How many {things} are there in total?",
        "{name} made {a} {things} and {other} made {b} {things}. How many {things} did they make altogether?",
        "{name} counted {a} {things} at home and {b} {things} at school. What is the total number of {things}?",
    ),
    "division": (
        "{name} shares {a} {things} equally among {b} friends. How many {things} does each friend get?",
        "{name} puts {a} {things} into {b} {boxes} equally. How many {things} are in each of the {boxes}?",
        "{a} {things} are divided equally between {b} children. How many {things} does each child get?",
        "{name} packs {a} {things} in {boxes} of {b}. How many {boxes} does {name} fill?",
        "There are {a} {things} in {b} equal rows. How many {things} are in each row?",
        "{name} has {a} {things} and gives {b} {things} to each friend. How many friends get {things}?",
        "A teacher splits {a} {things} evenly over {b} groups. How many {things} does one group get?",
        "{name} reads {a} pages in {b} days, the same number each day. How many pages does {name} read in a day?",
        "{b} {boxes} of the same size hold {a} {things} in all. How many {things} does one hold?",
        "{name} pays {a} dollars for {b} {things}. How many dollars does each one cost?",
    ),
    "times_table": (
        "{name} has {a} {boxes} with {b} {things} in each. How many {things} does {name} have?",
        "There are {a} rows of {b} {things}. How many {things} are there?",
        "{name} buys {a} {boxes} of {b} {things}. How many {things} does {name} buy?",
        "{a} children have {b} {things} each. How many {things} do they have in all?",
        "{name} gives {b} {things} to each of {a} friends. How many {things} does {name} give away?",
        "One ticket costs {b} dollars. How many dollars do {a} tickets cost?",
        "{name} reads {b} pages a day for {a} days. How many pages does {name} read?",
        "Each of {a} {boxes} holds {b} {things}. How many {things} are there altogether?",
        "{name} makes {b} {things} every hour. How many {things} does {name} make in {a} hours?",
        "A garden has {a} lines with {b} {things} in every line. What is the total number of {things}?",
    ),
}

# Told only in the test split, so that the published figures include stories which training never saw.
HELD_OUT_STORIES: Final[dict[Family, tuple[str, ...]]] = {
    "addition": (
        "{name} collected {a} {things} in spring. In autumn {name} collected another {b} {things}. "
        "How many {things} is that in total?",
        "A bus carries {a} people. At the next stop {b} people get on. How many people are on the bus?",
    ),
    "division": (
        "{name} cuts {a} meters of rope into {b} equal pieces. How many meters long is each piece?",
        "A farmer loads {a} {things} onto {b} carts, the same number on each. How many {things} are on one cart?",
    ),
    "times_table": (
        "A wall has {a} shelves and every shelf carries {b} {things}. How many {things} does the wall carry?",
        "{name} runs {b} miles each morning. How many miles does {name} run in {a} mornings?",
    ),
}
