import pytest

from istar.flops import RULEBOOK
from istar.flops.kinds import KINDS, kind_of


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("mm", "product"),
        ("_scaled_dot_product_flash_attention_for_cpu", "product"),
        ("convolution_backward", "product"),
        ("linalg_lu_solve", "factorisation"),
        ("_foreach_add_", "elementwise"),
        ("bitwise_xor_", "elementwise"),
        ("abs", "elementwise"),
        ("exp_", "transcendental"),
        ("_softmax", "transcendental"),
        ("sum", "reduction"),
        ("index_select", "moving"),
        ("_to_sparse", "moving"),
        ("sort", "sorting"),
        ("randn", "random"),
        ("zeros", "free"),
        ("view", "free"),
        ("slice", "free"),
    ],
)
def test_the_kind_of_an_operation(operation, kind):
    assert kind_of(operation) == kind


def test_every_operation_has_a_kind_and_every_kind_operations():
    assert {kind_of(name) for name in RULEBOOK.rules} == set(KINDS)
