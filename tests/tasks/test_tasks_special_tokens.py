"""Text that reads like a special token is no special token unless that is said."""

import pytest

from istar.targets.tiny import byte_tokenizer
from istar.tasks import Encoder, TaskError


def test_a_special_token_in_a_text_is_refused_unless_it_is_meant():
    encode = Encoder(byte_tokenizer())
    assert len(encode("a</S>b")) == 6
    with pytest.raises(
        TaskError, match=r"the text 'a</s>b' holds '</s>', which the tokenizer takes for a special token"
    ):
        encode("a</s>b")
    assert encode("a</s>b", special=True) == (*encode("a"), 1, *encode("b"))


def test_tokenizers_own_first_token_is_not_doubled():
    """What a tokenizer would put before a text stands in a run once, put there by the family."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    encode = Encoder(tokenizer)
    assert tokenizer.encode("ab")[0] == encode.bos == 0  # a number that is false, and a token all the same
    assert encode("ab") == Encoder(byte_tokenizer())("ab")


def test_a_tokenizer_saved_with_truncation_and_padding_neither_cuts_nor_pads():
    tokenizer = byte_tokenizer()
    tokenizer.backend_tokenizer.enable_truncation(8)
    tokenizer.backend_tokenizer.enable_padding(length=64)
    assert len(Encoder(tokenizer)("x" * 50)) == 50
    assert len(Encoder(tokenizer)("x" * 5)) == 5
