"""The attributes that methods may name, type by type, and what to do instead of the others.

Types of torch and Python are asked for their names when this is imported, so that what another version adds is closed
until it is listed. Of transformers and istar, whose import takes seconds or would go in a circle, the names are written
down; a test holds them to be all that the installed version has.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import types

import numpy  # noqa: F401  (before torch, which would swallow an interrupt that comes while it imports it)
import torch

from istar.methods.language import MODULES, names

_TENSOR = names("""
    shape size dim ndim ndimension nelement stride dtype device layout itemsize element_size nbytes
    is_complex is_contiguous is_signed is_leaf is_inference is_sparse is_nonzero is_same_size is_cpu
    is_cuda
    requires_grad requires_grad_ grad retain_grad retains_grad backward register_hook detach detach_ name
    item to type_as double half float bfloat16 int long short char byte bool cfloat cdouble cpu tolist
    contiguous view view_as reshape_as expand expand_as unfold unflatten T mT H mH t adjoint real imag conj resolve_conj
    resolve_neg clone copy_ fill_ zero_ fill_diagonal_ index_fill index_fill_ index_copy index_copy_ index_put
    index_put_ masked_fill_ scatter_ scatter_add_ scatter_reduce scatter_reduce_ index_add_ clamp_min clamp_min_
    clamp_max clamp_max_ repeat new_zeros new_ones new_full new_empty new_tensor uniform_ normal_ random_ bernoulli_
    exponential_ det logdet slogdet inverse pinverse matrix_power float_power softmax log_softmax diff
    absolute negative positive subtract multiply divide true_divide floor_divide absolute_ negative_ subtract_ multiply_
    divide_ true_divide_ floor_divide_ greater greater_equal less less_equal
    not_equal arctan2 moveaxis swapdims split_with_sizes tensor_split aminmax
""")
_FUNCTIONS = MODULES["torch"] | {f"{name}_" for name in MODULES["torch"]}

_MODULE = names("""
    forward parameters named_parameters buffers named_buffers children named_children modules named_modules
    get_submodule get_parameter get_buffer state_dict zero_grad requires_grad_ to float double half bfloat16 cpu eval
    apply register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
""")
_OPTIMISER = names("step zero_grad param_groups state state_dict defaults add_param_group")
_TEXT = names("""
    capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit isidentifier islower
    isnumeric isprintable isspace istitle isupper join lower lstrip partition removeprefix removesuffix replace rfind
    rindex rpartition rsplit rstrip split splitlines startswith strip swapcase title upper
""")


def _everything(kind: type) -> frozenset[str]:
    return frozenset(name for name in dir(kind) if not name.startswith("_"))


LIVE: tuple[tuple[type, frozenset[str]], ...] = (
    (torch.Tensor, _TENSOR | _FUNCTIONS),
    (torch.nn.Module, _MODULE),
    *((getattr(torch.optim, name), _OPTIMISER) for name in ("Optimizer", *sorted(MODULES["torch.optim"]))),
    (torch.Generator, names("manual_seed initial_seed device")),
    (torch.Size, names("count index numel")),
    (torch.dtype, names("is_complex is_floating_point is_signed itemsize to_complex to_real")),
    (torch.device, names("index type")),
    *((kind, _everything(kind)) for kind in (torch.finfo, torch.iinfo)),
    (str, _TEXT),
    (int, names("bit_length conjugate denominator imag numerator real")),
    (float, names("conjugate imag is_integer real")),
    *((kind, _everything(kind)) for kind in (complex, list, dict, set, frozenset, tuple, range, slice)),
    (types.GeneratorType, names("close send")),
    (property, names("getter setter deleter")),
    (types.MethodType, frozenset()),
    (types.FunctionType, frozenset()),
    (BaseException, names("args")),
    *(
        (kind, _everything(kind))
        for kind in (collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque)
    ),
    (functools.partial, names("args func keywords")),
    (functools._lru_cache_wrapper, names("cache_clear cache_info")),
    (contextlib.ExitStack, names("callback close enter_context pop_all")),
)
"""Types that are asked for their names, and what each allows."""

_MODEL_ALLOWED = names("""
    base_model base_model_prefix can_generate device dtype get_decoder get_encoder get_input_embeddings
    get_output_embeddings get_parameter_or_buffer get_position_embeddings get_memory_footprint main_input_name
    input_modalities num_parameters
""")
_MODEL_REFUSED = names("""
    activation_checkpointing_disable activation_checkpointing_enable active_adapters add_adapter add_model_tags
    barrier_after_gathered_checkpoint_save can_record_outputs config_class delete_adapter dequantize disable_adapters
    disable_input_require_grads dummy_inputs enable_adapters enable_input_require_grads enable_peft_hotswap ep_plan
    from_pretrained fsdp_plan fsdp_size gather_sharded_state_dict_for_save generation_config_class
    get_adapter_state_dict get_compiled_call get_correct_attn_implementation get_correct_experts_implementation
    get_expanded_tied_weights_keys get_experts_implementation get_init_context gradient_checkpointing_disable
    gradient_checkpointing_enable init_parallel_plans init_weights initialize_weights is_activation_checkpointing
    is_backend_compatible is_custom_code is_distributed_loading_by_transformers is_gradient_checkpointing
    is_remote_code load_adapter loss_function mark_tied_weights_as_initialized maybe_distribute_model model_tags
    named_non_persistent_buffers post_init pp_plan prepare_distribute_model push_to_hub register_for_auto_class
    resize_position_embeddings resize_token_embeddings retrieve_modules_from_names save_distributed_checkpoint
    save_pretrained set_adapter set_attn_implementation set_decoder set_encoder set_experts_implementation
    set_input_embeddings set_output_embeddings set_use_kernels should_save_on_this_rank smart_apply
    supports_context_parallel supports_gradient_checkpointing supports_pp_plan supports_tp_plan tie_weights tp_plan
    tp_size use_kernels warn_if_padding_and_no_attention_mask
""")
_CONFIGURATION_ALLOWED = names("""
    architectures attribute_map base_config_key chunk_size_feed_forward default_rope_type default_theta dtype
    get_text_config id2label is_encoder_decoder is_heterogeneous label2id model_type name_or_path num_labels
    output_attentions output_hidden_states per_layer_attributes per_layer_config problem_type return_dict rope_scaling
    sub_configs to_dict torch_dtype transformers_version use_return_dict
""")
_CONFIGURATION_REFUSED = names("""
    allow_global_per_layer_attribute_access base_model_ep_plan base_model_fsdp_plan base_model_pp_plan
    base_model_tp_plan convert_rope_params_to_dict default_config_fields dict_dtype_to_str extra_config_files
    extra_files from_dict from_json_file from_pretrained get_config_dict get_mtp_config
    ignore_keys_at_rope_validation is_custom_code is_remote_code nested_rope_parameter_keys push_to_hub
    register_for_auto_class save_pretrained serialize_explicit_per_layer_config standardize_rope_params
    sub_configs_defaults to_diff_dict to_json_file to_json_string update update_from_string validate
    validate_architecture validate_layer_type validate_output_attentions validate_rope validate_token_ids
""")
_GENERATION_ALLOWED = names("""
    assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight assistant_lookbehind bad_words_ids
    begin_suppress_tokens bos_token_id cache_config cache_implementation constraints decoder_start_token_id
    diversity_penalty do_sample dola_layers early_stopping encoder_no_repeat_ngram_size encoder_repetition_penalty
    eos_token_id epsilon_cutoff eta_cutoff exponential_decay_length_penalty force_words_ids forced_bos_token_id
    forced_eos_token_id guidance_scale is_assistant length_penalty low_memory max_cache_len max_length
    max_matching_ngram_size max_new_tokens max_time min_length min_new_tokens min_p no_repeat_ngram_size
    num_assistant_tokens num_assistant_tokens_schedule num_beam_groups num_beams num_return_sequences
    output_attentions output_hidden_states output_logits output_scores pad_token_id penalty_alpha prefill_chunk_size
    prompt_lookup_num_tokens remove_invalid_values renormalize_logits repetition_penalty return_dict_in_generate
    sequence_bias speculation_type stop_strings suppress_tokens target_lookbehind temperature to_dict token_healing
    top_h top_k top_p transformers_version typical_p use_cache use_mtp
""")
_GENERATION_REFUSED = names("""
    compile_config continuous_batching_config dict_dtype_to_str disable_compile extra_output_flags from_dict
    from_model_config from_pretrained get_generation_mode push_to_hub save_pretrained to_diff_dict to_json_file
    to_json_string update validate watermarking_config
""")
_CACHE_ALLOWED = names("""
    batch_repeat_interleave batch_select_indices batch_size crop get_mask_sizes get_max_length get_query_offset
    get_seq_length has_previous_state is_croppable is_initialized is_linear is_sliding layers reorder_cache reset update
""")
_CACHE_REFUSED = names("""
    activate_past_recording early_initialization get_conv_state get_recurrent_state is_compileable is_dummy
    is_recording_past layer_class_to_replicate lazy_initialization lazy_initialization_indexer offload offloading
    prefetch supports_early_init update_conv_state update_indexer update_recurrent_state
""")
_TRANSFORMERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "transformers.modeling_utils.PreTrainedModel": (_MODEL_ALLOWED, _MODEL_REFUSED),
    "transformers.generation.utils.GenerationMixin": (
        names("generate output_modalities"),
        names("""
            adjust_generation_fn compute_transition_scores continuous_batching_context_manager
            destroy_cached_continuous_batching_manager generate_batch heal_tokens init_continuous_batching
            load_custom_generate prepare_inputs_for_generation
        """),
    ),
    "transformers.configuration_utils.PreTrainedConfig": (_CONFIGURATION_ALLOWED, _CONFIGURATION_REFUSED),
    "transformers.generation.configuration_utils.GenerationConfig": (_GENERATION_ALLOWED, _GENERATION_REFUSED),
    "transformers.cache_utils.Cache": (_CACHE_ALLOWED, _CACHE_REFUSED),
    "transformers.cache_utils.CacheLayerMixin": (_CACHE_ALLOWED, _CACHE_REFUSED),
}

_READOUT = names("kind paths scored start to_json unit value")
_INTERVENTION = names("kind cost_key key texts to_json")
_ISTAR: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "istar.targets.target.Target": (
        names("""
            anatomy bos decode device dtype encode forward id known_tokens layers limit module name read run slow_value
            slow_values unembed values vocabulary width
        """),
        names("costs iter_values path tokenizer tokenizer_digest"),
    ),
    "istar.targets.target.Streams": (names("at computed_tokens index layer values"), frozenset()),
    "istar.targets.anatomy.Anatomy": (
        names("attentions base blocks embedding final_norm heads_outs mlp_outs mlps unembedding"),
        frozenset(),
    ),
    "istar.targets.corpus.Corpus": (names("texts tokens"), names("hash tokenizer")),
    "istar.questions.question.QuestionView": (names("runs structure to_json"), frozenset()),
    "istar.questions.structure.StructureView": (
        names("columns of rows take to_json"),
        names("levels sealed"),
    ),
    "istar.questions.structure.Column": (names("name role values"), names("array")),
    "istar.questions.runs.Run": (names("intervention paths readout to_json tokens value"), frozenset()),
    "istar.questions.readouts.Path": (names("plain reads tokens"), frozenset()),
    "istar.questions.readouts.Readout": (
        _READOUT | names("others last reference mean foil beta penalty tolerance"),
        frozenset(),
    ),
    "istar.questions.interventions.Intervention": (
        _INTERVENTION
        | names("""
            away bias bits depth digest head known name part parts rate scale seed sequences share starts steps strength
            subjects tokens towards value wanted
        """),
        frozenset(),
    ),
    "istar.methods.contract.Interpretation": (names("data tensors"), names("from_bytes hash to_bytes")),
    "istar.methods.tools.alignment.Alignment": (names("contexts of"), frozenset()),
    "istar.methods.tools.alignment.Placement": (names("context kept query reads"), frozenset()),
    "istar.methods.tools.gradients.FirstOrder": (
        names("channels depth keep known products target"),
        frozenset(),
    ),
    "istar.methods.tools.gradients.GradientFactors": (names("inputs outputs value"), frozenset()),
    "istar.methods.tools.gradients.Scalar": (names("paths read"), frozenset()),
    "istar.methods.tools.responses.PartResponses": (names("channels of target"), names("keys known packed")),
    "istar.methods.tools.shared_context.SharedContexts": (names("attend log_probs read run"), frozenset()),
    "istar.methods.tools.sparse_code.SparseCode": (
        names("decode decoder encode encoder of offset tensors threshold"),
        frozenset(),
    ),
    "istar.methods.tools.stitching.StitchedRuns": (names("share values"), frozenset()),
    "istar.methods.tools.substitution.Substitution": (names("base position tokens"), frozenset()),
    "istar.methods.tools.substitution.Substitutions": (names("bases of"), frozenset()),
}

FROZEN: dict[str, tuple[frozenset[str], frozenset[str]]] = _TRANSFORMERS | _ISTAR
"""Types whose names are written down: what is allowed and what is refused."""

_FRAMES = "walks the interpreter's own frames and code"
NEVER: dict[str, str] = {
    **dict.fromkeys(
        names("""
            gi_frame gi_code gi_yieldfrom cr_frame cr_code cr_await ag_frame ag_code tb_frame tb_next tb_lasti f_back
            f_globals f_locals f_builtins f_code f_trace co_code co_consts func_globals func_code mro
        """),
        _FRAMES,
    ),
    **dict.fromkeys(
        names(
            "open read_text read_bytes write_text write_bytes iterdir rglob unlink mkdir rmdir touch symlink_to chmod"
        ),
        "reads or writes files; keep what you learn in the Interpretation",
    ),
    **dict.fromkeys(("format", "format_map"), "hides attribute access in text; use an f-string"),
}
"""Names that are refused on values of every type, with the reason and what to do instead."""

_FILES = "reads or writes files; keep what you learn in the Interpretation"
_MEMORY = "leaves torch, where the meter cannot count; use the torch operation"
_ARRAYS = "gives numpy arrays, whose arithmetic the meter cannot count; use the column's `values`, or torch"
_STATE = "changes the target; put a hook around the forward pass instead, or work on a copy of the tensor"
_LONG = "makes long texts, on which Python works uncounted; use an f-string"
_HASHES = "hashes where the meter cannot count; use the content itself as the key"

REASONS: dict[str, str] = {
    **dict.fromkeys(
        names("""
            path save_pretrained from_pretrained push_to_hub to_json_file from_json_file from_dict load_adapter
            register_for_auto_class module_load share_memory share_memory_
        """),
        _FILES,
    ),
    **dict.fromkeys(names("array levels sealed iter_values costs"), _ARRAYS),
    "tokenizer": "holds templates, files and numpy arrays; use target.encode and target.decode",
    **dict.fromkeys(
        names("""
            numpy storage untyped_storage storage_type data_ptr const_data_ptr set_ map_ map2_ apply_ to_mkldnn
            to_bytes from_bytes
        """),
        _MEMORY,
    ),
    **dict.fromkeys(
        names("""
            register_buffer register_parameter register_module add_module set_submodule load_state_dict train compile
            resize_token_embeddings tie_weights set_input_embeddings set_output_embeddings init_weights post_init
            initialize_weights set_attn_implementation gradient_checkpointing_enable add_adapter enable_adapters
            get_compiled_call as_subclass set_extra_state to_empty update_from_string
        """),
        _STATE,
    ),
    "push": "can swallow the meter's signal",
    "data": "changes a tensor unseen; use detach()",
    **dict.fromkeys(names("center ljust rjust zfill expandtabs translate maketrans"), _LONG),
    **dict.fromkeys(names("hash hash_tensor"), _HASHES),
    "encode": "makes bytes, on which Python works uncounted; use target.encode for tokens",
    **dict.fromkeys(
        names("bit_count as_integer_ratio hex fromhex"), "computes in Python, where the meter cannot count; use torch"
    ),
    "seed": "makes results differ from run to run; use manual_seed",
}
"""Why names are refused that a type has and does not allow, with what to do instead."""

_SOLVE = "use torch.linalg.solve, solve_triangular or lstsq, which are priced by what they do"
INSTEAD: dict[str, str] = {
    **dict.fromkeys(names("lu_solve cholesky_solve triangular_solve solve lstsq ormqr"), _SOLVE),
    **dict.fromkeys(names("lu geqrf orgqr qr"), "use torch.linalg.lu or torch.linalg.qr"),
    **dict.fromkeys(names("svd symeig eig"), "use torch.linalg.svd, eigh or eig"),
    **dict.fromkeys(names("cholesky cholesky_inverse"), "use torch.linalg.cholesky or torch.linalg.inv"),
    "matrix_exp": "write it by products, or by torch.linalg.eigh",
    **dict.fromkeys(names("addbmm addr ger vdot smm sspaddmm"), "use `@` or torch.einsum"),
    "masked_scatter": "assign `x[mask] = values`, or use torch.where",
    "put": "use index_put",
    **dict.fromkeys(names("renorm"), "divide by x.norm(dim=..., keepdim=True)"),
    **dict.fromkeys(names("as_strided"), "use unfold, expand or reshape"),
    **dict.fromkeys(
        names("index_reduce select_scatter slice_scatter diagonal_scatter"), "use scatter_reduce or index_put"
    ),
    **dict.fromkeys(names("type"), "use to(dtype)"),
    **dict.fromkeys(names("new resize resize_as"), "use new_empty or torch.empty"),
    **dict.fromkeys(names("grad_fn"), "use torch.autograd.grad"),
    **dict.fromkeys(names("stft istft"), "use torch.fft on x.unfold(...)"),
    **dict.fromkeys(names("histogram"), "use torch.histc or torch.bucketize and bincount"),
    **dict.fromkeys(names("cuda ipu xpu mtia"), "use to(target.device)"),
    **dict.fromkeys(names("fix"), "use trunc"),
    **dict.fromkeys(names("arccos arcsin arctan"), "use acos, asin or atan"),
    **dict.fromkeys(names("log_normal cauchy geometric"), "use normal_, uniform_ or exponential_ and transform"),
    **dict.fromkeys(names("register_backward_hook"), "use register_full_backward_hook"),
    **dict.fromkeys(
        names("to_sparse to_sparse_csr to_sparse_csc to_sparse_bsr to_sparse_bsc to_sparse_coo to_dense coalesce"),
        "prices follow from shapes, which sparse layouts do not tell; use index_add, index_put or torch.bincount",
    ),
    **dict.fromkeys(names("fliplr flipud rot90"), "use flip"),
    **dict.fromkeys(names("hsplit vsplit dsplit unsafe_chunk unsafe_split"), "use split or chunk"),
    **dict.fromkeys(names("msort"), "use sort"),
    **dict.fromkeys(names("mode"), "use torch.unique with return_counts=True"),
    **dict.fromkeys(names("throw"), "raise the error where it is found"),
}
"""What to do instead of an attribute that is closed without a reason of its own."""
