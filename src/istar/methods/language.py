"""The language methods are written in: the part of Python and torch that the fence lets through.

Everything is an allow-list; attributes of values are in `istar.methods.attribute_lists`. What is missing here and
harmless may be added freely if a strict meter prices it (a test calls each name under one); what reads files, runs
hidden code, leaves Python, or does arithmetic that the meter cannot see may not.
"""

from __future__ import annotations

import ast


def names(text: str) -> frozenset[str]:
    """Return the names in a text."""
    return frozenset(text.split())


_TORCH = names("""
    Tensor Generator Size device dtype float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool long float
    double int finfo iinfo inf nan pi e no_grad enable_grad inference_mode set_grad_enabled is_grad_enabled manual_seed
    tensor as_tensor zeros zeros_like ones ones_like full full_like empty empty_like eye arange linspace logspace
    rand rand_like randn randn_like randint randperm normal bernoulli multinomial
    cat concat stack hstack vstack split chunk unbind reshape permute transpose movedim swapaxes squeeze unsqueeze
    flatten ravel tile repeat_interleave roll flip broadcast_to broadcast_tensors atleast_1d atleast_2d narrow
    gather scatter scatter_add index_select index_add masked_select masked_fill take take_along_dim where nonzero
    argwhere select searchsorted bucketize tril triu tril_indices triu_indices diag diagonal diag_embed meshgrid
    cartesian_prod combinations block_diag
    abs add sub mul div neg sign square sqrt rsqrt reciprocal pow exp exp2 expm1 log log2 log10 log1p sin cos tan asin
    acos atan atan2 sinh cosh tanh sigmoid softmax log_softmax logsumexp logaddexp relu clamp clip floor ceil round
    trunc frac fmod remainder lerp addcmul addcdiv erf erfc maximum minimum nan_to_num
    isnan isinf isfinite isclose allclose equal eq ne lt le gt ge logical_and logical_or logical_not logical_xor
    bitwise_and bitwise_or bitwise_xor bitwise_not any all
    sum mean median nanmean nansum var std var_mean prod cumsum cumprod logcumsumexp cummax cummin max min amax amin
    argmax argmin topk sort argsort kthvalue quantile unique unique_consecutive count_nonzero histc bincount norm
    matmul mm bmm mv dot inner outer addmm addmv baddbmm einsum tensordot kron cdist cov corrcoef cross trace
    numel is_tensor is_floating_point result_type dist cosine_similarity pairwise_distance
    autograd nn linalg func optim special fft
""")

_FUNCTIONAL = names("""
    softmax log_softmax softmin sigmoid logsigmoid relu gelu silu elu leaky_relu tanh softplus hardtanh mish
    linear embedding one_hot layer_norm rms_norm batch_norm group_norm normalize dropout
    scaled_dot_product_attention cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss kl_div
    binary_cross_entropy binary_cross_entropy_with_logits cosine_similarity pairwise_distance pad
    conv1d avg_pool1d max_pool1d
""")

MODULES: dict[str, frozenset[str]] = {
    "__future__": names("annotations"),
    "collections": names("Counter OrderedDict defaultdict deque abc"),
    "collections.abc": names(
        "Callable Collection Generator Hashable Iterable Iterator Mapping MutableMapping Sequence Set Sized"
    ),
    "contextlib": names("contextmanager nullcontext ExitStack"),
    "dataclasses": names("dataclass field replace"),
    "functools": names("partial reduce cache lru_cache cached_property cmp_to_key"),
    "itertools": names("""
        accumulate chain combinations combinations_with_replacement count cycle dropwhile filterfalse groupby
        islice pairwise permutations product repeat starmap takewhile zip_longest
    """),
    "jaxtyping": names("Array Bool Complex Float Float16 Float32 Float64 Int Int32 Int64 Integer Num Shaped"),
    "math": names("""
        acos acosh asin asinh atan atan2 atanh ceil comb copysign cos cosh degrees e erf erfc exp expm1 fabs
        factorial floor fmod fsum gamma gcd inf isclose isfinite isinf isnan isqrt lcm lgamma log log10 log1p
        log2 nan perm pi pow prod radians sin sinh sqrt tan tanh tau trunc
    """),
    "statistics": names("mean fmean median stdev pstdev variance pvariance quantiles"),
    "typing": names("""
        Annotated Any Callable ClassVar Dict Final Generic Iterable Iterator List Literal Mapping NamedTuple Optional
        Protocol Sequence Set Tuple TypeAlias TypeVar Union cast overload
    """),
    "torch": _TORCH,
    "torch.autograd": names("grad"),
    "torch.fft": names("fft ifft rfft irfft"),
    "torch.func": names("grad grad_and_value vjp jvp jacrev jacfwd hessian vmap functional_call linearize"),
    "torch.linalg": names("""
        cholesky cond det eig eigh eigvalsh inv lstsq lu matrix_norm matrix_rank multi_dot norm pinv qr slogdet solve
        solve_triangular svd svdvals vector_norm
    """),
    "torch.nn": names("""
        Module ModuleList ModuleDict Parameter ParameterList ParameterDict Sequential Identity Linear Embedding
        LayerNorm RMSNorm Dropout ReLU GELU SiLU Tanh Sigmoid Softmax LogSoftmax MultiheadAttention
        CrossEntropyLoss KLDivLoss MSELoss BCEWithLogitsLoss functional init
    """),
    "torch.nn.functional": _FUNCTIONAL,
    "torch.nn.init": names(
        "zeros_ ones_ constant_ uniform_ normal_ trunc_normal_ xavier_uniform_ xavier_normal_ kaiming_uniform_ "
        "kaiming_normal_ orthogonal_ eye_"
    ),
    "torch.optim": names("SGD Adam AdamW Adagrad RMSprop LBFGS"),
    "torch.special": names("entr expit logit log_ndtr log_softmax logsumexp ndtr ndtri softmax xlogy erf erfinv"),
    "istar.methods": names("""
        Alignment FirstOrder GradientFactors Interpretation PartResponses Placement Scalar SharedContexts SparseCode
        StitchedRuns Substitution Substitutions align asked_spans asked_tokens block_at fine_tunes fit_sparse_code
        gradient_factors head_at heads_of linear_maps renumbered replacing score_asked smooth_value substitutions under
        without_blocks
    """),
    "istar.questions": names("""
        Ablate AblateHead ChoiceProbability Column Composed Edit Entropy FineTune GreedyCorrect Intervention KLFrom
        LogitBias Organism Path PolicyCost Prune Quantise QuestionView Readout Run SpanLogprob SpanLoss SpanMargin
        SpanProbability Steer Temperature WeightNoise
    """),
    "istar.targets": names("Anatomy Corpus Streams Target"),
}
"""What may be imported: for each module, the names that may be taken from it."""

INSTEAD: dict[str, str] = {
    "itertools.compress": "write a comprehension with `if`, or index a tensor by a mask",
    "math.dist": "use torch.dist, or `(x - y).norm()` of tensors",
    "math.hypot": "use torch.linalg.vector_norm, or math.sqrt(x * x + y * y)",
    "torch.nn.functional.bilinear": "use torch.einsum",
    "torch.nn.functional.embedding_bag": "use embedding and a sum",
    "torch.nn.functional.interpolate": "multiply by a matrix of weights",
    "torch.nn.Bilinear": "use torch.einsum",
    "torch.nn.EmbeddingBag": "use Embedding and a sum",
}
"""What to do instead of a member of a module that would compute without being counted."""

BUILTINS: frozenset[str] = names("""
    abs all any bool callable complex dict divmod enumerate filter float frozenset getattr hasattr int isinstance
    issubclass iter len list map max min next object pow property range repr reversed round set slice sorted
    staticmethod classmethod str sum super tuple zip Ellipsis NotImplemented
    ArithmeticError AssertionError AttributeError Exception IndexError KeyError LookupError NotImplementedError
    RuntimeError StopIteration TypeError ValueError ZeroDivisionError
""")
"""The built-in names a method may use."""

REFUSED_BUILTINS: dict[str, str] = {
    "print": "a method's output goes nowhere; `istar check` reports shapes and FLOPs, and errors carry messages",
    "open": "a method sees no files; keep what you learn in the Interpretation",
    "input": "nobody answers",
    "exec": "only code that was checked may run; write it out",
    "eval": "only code that was checked may run; write it out",
    "compile": "only code that was checked may run; write it out",
    "__import__": "use an import statement",
    "globals": "reaches around the checks; pass what you need as arguments",
    "locals": "reaches around the checks; pass what you need as arguments",
    "vars": "reaches around the checks; name the attributes you need",
    "dir": "reaches around the checks; name the attributes you need",
    "setattr": "a method must leave the target and the question as they are; use hooks, or attributes of your own self",
    "delattr": "a method must leave the target and the question as they are",
    "type": "reaches around the checks; use isinstance",
    "id": "makes results depend on memory addresses; use a counter or the object's own content as the key",
    "hash": "differs from process to process for text; use the content itself as the key",
    "memoryview": "reads raw memory; use torch",
    "bytearray": "reads raw memory; use torch",
    "bytes": "reads raw memory; use torch",
    "breakpoint": "stops the worker",
    "exit": "a method cannot end the worker; return from the function",
    "quit": "a method cannot end the worker; return from the function",
    "BaseException": "would swallow the meter's signal; raise ValueError or RuntimeError",
}
"""Why other built-in names are refused and what to do instead."""

SPECIAL_METHODS: frozenset[str] = names("__init__ __call__ __len__ __getitem__ __iter__ __next__ __post_init__")
"""The double-underscored methods a class of a method file may define."""

NODES: frozenset[type[ast.AST]] = frozenset(
    getattr(ast, name)
    for name in names("""
        Module FunctionDef ClassDef Return Delete Assign AugAssign AnnAssign For While If With Raise Assert Import
        ImportFrom Nonlocal Expr Pass Break Continue Try
        BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set ListComp SetComp DictComp GeneratorExp Yield YieldFrom
        Compare Call FormattedValue JoinedStr Constant Attribute Subscript Starred Name List Tuple Slice
        Load Store Del And Or Add Sub Mult MatMult Div Mod Pow LShift RShift BitOr BitXor BitAnd FloorDiv Invert Not
        UAdd USub Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn comprehension ExceptHandler arguments arg keyword alias
        withitem
    """)
)
"""The kinds of syntax a method may use."""

SIGNATURES: dict[str, tuple[str, ...]] = {
    "interpret": ("target", "corpus"),
    "prepare": ("question", "target", "interpretation"),
    "predict": ("question", "runs", "target", "interpretation", "prepared"),
}
"""The parameters of the functions of the contract, by name and in order."""

REQUIRED: tuple[str, ...] = ("interpret", "predict")
"""The functions that every method defines."""
