"""How findings are said together."""

from billing.findings import in_sentences


def test_one_finding_reads_as_a_heading() -> None:
    assert in_sentences(["The note is signed by nobody."]) == "The note is signed by nobody"
    assert in_sentences([]) == ""


def test_several_findings_read_as_sentences_each_said_once() -> None:
    said = ["The note is signed by nobody.", "call the payer first", "The note is signed by nobody"]
    assert in_sentences(said) == "The note is signed by nobody. Call the payer first."
    assert in_sentences([in_sentences(said), "Authorization case: asked for"]) == (
        "The note is signed by nobody. Call the payer first. Authorization case: asked for."
    )


def test_the_name_of_a_file_stays_as_it_is() -> None:
    assert in_sentences(["era-1.835: no payer.", "era-1.835: no trace"]) == "era-1.835: no payer. era-1.835: no trace."
