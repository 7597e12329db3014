"""Accept: weights, specificity, several lines; the examples of RFC 9110 section 12.5.1 among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_pki.adapters.http.negotiation import preferred

PEM, DER, PKCS7 = "application/pem-certificate-chain", "application/pkix-cert", "application/pkcs7-mime"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ([], PEM),
        ([""], PEM),
        (["*/*"], PEM),
        (["application/*"], PEM),
        ([DER], DER),
        ([DER.upper()], DER),
        ([f"{PEM};q=0.5, {DER}"], DER),
        ([f"{PEM};q=0.5", f"{DER};q=0.6"], DER),
        ([f"{PEM};q=0, */*"], DER),
        ([f"*/*;q=0.1, {PEM};q=0, {DER};q=0"], PKCS7),
        ([f"application/*;q=0.2, {PKCS7}; q=0.9, */*"], PKCS7),
        (["text/html, application/xhtml+xml, */*;q=0.8"], PEM),
        ([f'{PKCS7};smime-type="certs-only, signed";q=0.7, {DER};q=0.6'], PKCS7),
        ([f"{DER};Q=1.000, {PEM}; q=0.999"], DER),
        ([f"{DER};q=2, {PKCS7};q=0.1"], PKCS7),
        ([f"nonsense, {DER}"], DER),
        (["text/html"], None),
        (["text/*, image/png;q=1"], None),
        (["*/*;q=0"], None),
        ([f"{PEM};q=0"], None),
    ],
)
def test_the_form_that_is_weighed_most_is_chosen(accept, chosen):
    assert preferred(accept, [PEM, DER, PKCS7]) == chosen


def test_the_most_specific_range_counts_wherever_it_stands():
    for accept in (
        "text/*;q=0.3, text/html;q=0.7, text/html;level=1",
        "text/html;level=1, text/html;q=0.7, text/*;q=0.3",
    ):
        assert preferred([accept], ["text/plain", "text/html"]) == "text/html"
    assert preferred(["text/plain;q=0.2, text/*;q=0.9"], ["text/plain", "text/html"]) == "text/html"


@given(st.lists(st.text(st.sampled_from('a/*;,="\\ q.01')) | st.just(f"{DER};q=0.3"), max_size=3))
def test_whatever_is_sent_an_offer_is_chosen_or_none(lines):
    assert preferred(lines, [PEM, DER]) in {PEM, DER, None}


@pytest.mark.parametrize("line", [',"' * 4000, '"' * 8000, ";q=" * 2600, 'a/b;"' * 1600, "a/b" + "; " * 4000])
def test_a_long_line_of_nonsense_is_read_like_none(line):
    assert preferred([line, DER], [PEM, DER]) == DER
