"""The map of a warm process: bounded in bytes, the least recently used entry goes first."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.memory import Memory


def test_what_is_remembered_is_recalled_until_it_is_forgotten() -> None:
    memory: Memory[str, int] = Memory(100)
    memory.remember("a", 1, 10)
    assert memory.recall("a") == 1
    memory.forget("a")
    memory.forget("a")
    assert memory.recall("a") is None


def test_the_least_recently_used_entry_goes_first() -> None:
    memory: Memory[str, int] = Memory(30)
    for number, key in enumerate("abc"):
        memory.remember(key, number, 10)
    memory.recall("a")
    memory.remember("d", 3, 10)
    assert [memory.recall(key) for key in "abcd"] == [0, None, 2, 3]


def test_a_value_larger_than_the_limit_is_not_remembered_and_drops_only_its_predecessor() -> None:
    memory: Memory[str, int] = Memory(30)
    memory.remember("a", 1, 10)
    memory.remember("b", 2, 10)
    memory.remember("b", 3, 31)
    assert (memory.recall("a"), memory.recall("b")) == (1, None)


def test_a_value_exactly_as_large_as_the_limit_takes_all_of_it() -> None:
    memory: Memory[str, int] = Memory(30)
    memory.remember("a", 1, 10)
    memory.remember("b", 2, 30)
    assert (memory.recall("a"), memory.recall("b")) == (None, 2)


def test_a_limit_of_nothing_remembers_only_what_weighs_nothing() -> None:
    memory: Memory[str, int] = Memory(0)
    memory.remember("a", 1, 1)
    memory.remember("b", 2, 0)
    assert (memory.recall("a"), memory.recall("b")) == (None, 2)


def test_forgetting_by_key_leaves_the_others() -> None:
    memory: Memory[str, int] = Memory(100)
    for number, key in enumerate(("x/1", "x/2", "y/1")):
        memory.remember(key, number, 10)
    memory.forget_where(lambda key: key.startswith("x/"))
    assert [memory.recall(key) for key in ("x/1", "x/2", "y/1")] == [None, None, 2]


@given(
    st.lists(st.tuples(st.sampled_from(["remember", "recall", "forget"]), st.integers(0, 6), st.integers(0, 12))),
    st.integers(0, 20),
)
def test_it_never_holds_more_than_its_limit_and_never_a_wrong_value(
    steps: list[tuple[str, int, int]], limit: int
) -> None:
    memory: Memory[int, tuple[int, int]] = Memory(limit)
    last: dict[int, tuple[int, int]] = {}
    for at, (step, key, size) in enumerate(steps):
        if step == "remember":
            memory.remember(key, (at, size), size)
            last[key] = (at, size)
        elif step == "forget":
            memory.forget(key)
            last.pop(key, None)
        assert memory.recall(key) in {last.get(key), None}
        held = [value for number in range(7) if (value := memory.recall(number)) is not None]
        assert sum(size for _, size in held) == memory._bytes <= limit
