"""Read the graph of a torch model: trace its features, copy the layers in float64, compare on one image.

The model itself is never touched.
"""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from .relu_network import Node, NoRuleError, ReluNetwork

__all__ = ["read_network"]

_TRACING = threading.Lock()  # of two traces at once the later would put the earlier's hooks back for good
AGREEMENT = 1e-4  # relative difference to the model in float32 above which the copy is refused


def read_network(classifier: Any, image: Tensor) -> ReluNetwork:
    """Read the graph of ``classifier.features``.

    Parameters
    ----------
    classifier : torch module with a method ``features``
        It is not changed; layers with a rule are listed at `ReluNetwork`.
    image : (C, H, W) tensor
        Any image; shapes are taken from it and the copy is compared with the model on it.

    Raises
    ------
    NoRuleError
        Names the first layer without a rule, or says why the model cannot be read.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> class Small(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.body = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU())
    ...
    ...     def features(self, x):
    ...         return self.body(x)
    >>> network = read_network(Small(), torch.zeros(1, 2, 2))
    >>> [node.kind for node in network.nodes]
    ['input', 'flatten', 'linear', 'relu']
    """
    if not isinstance(classifier, nn.Module) or not callable(getattr(classifier, "features", None)):
        raise NoRuleError(
            f"the classifier must be a torch module with a method features, received "
            f"{type(classifier).__name__}"
        )
    wrapper = _Features(classifier)
    try:
        with _TRACING:
            graph = _Tracer().trace(wrapper)
    except Exception as error:  # tracing fails in as many ways as models are written
        raise NoRuleError(f"the model's features cannot be traced: {error}") from None
    return _Reader(fx.GraphModule(wrapper, graph)).read(image)


class _Features(nn.Module):
    """The classifier's features as a module of its own, which tracing needs."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier
        self.training = classifier.training

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.classifier.features(images)  # type: ignore[operator]
        return features


class _Tracer(fx.Tracer):
    """Traces what its own thread calls: torch sends every module of the process here meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


class _Shapes(fx.Interpreter):
    """Run the traced model once and keep what every node returned."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.results: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        self.results[n] = result
        return result


class _Reader:
    """Turns the nodes of a traced model into those of a `ReluNetwork`."""

    def __init__(self, traced: fx.GraphModule) -> None:
        self.traced = traced
        self.modules = dict(traced.named_modules())
        self.nodes: list[Node] = []
        self.index: dict[fx.Node, int] = {}

    def read(self, image: Tensor) -> ReluNetwork:
        shapes = _Shapes(self.traced)
        first = next(self.traced.parameters(), None)
        given = image[None].to(torch.float32 if first is None else first.dtype, copy=False)
        if first is not None:
            given = given.to(first.device)
        try:
            with torch.no_grad():
                expected = shapes.run(given)
        except (RuntimeError, ValueError, TypeError) as error:
            raise ValueError(
                f"the model does not take an image of shape {tuple(image.shape)}: {error}"
            ) from None
        self.results = shapes.results
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                self._append(node, Node("input", (), tuple(image.shape)))
            elif node.op == "output":
                last = self._parent(node.args[0], node)
            elif isinstance(self.results[node], Tensor) and any(
                a in self.index for a in node.all_input_nodes
            ):
                self._operation(node)
        network = ReluNetwork(tuple(self.nodes[: last + 1]))
        self._compare(network, image, expected)
        return network

    @staticmethod
    def _compare(network: ReluNetwork, image: Tensor, expected: Any) -> None:
        with torch.no_grad():
            found = network.features(image[None].double())
        if not isinstance(expected, Tensor) or found.shape != expected.shape or found.ndim != 2:
            raise NoRuleError("the model's features are not a matrix (n, d)")
        error = float((found - expected.detach().cpu().double()).abs().max())
        if not error <= AGREEMENT * (1.0 + float(found.abs().max())):
            raise NoRuleError(
                f"the layers that were read give other features than the model (difference {error:.3g}); "
                "a model that changes between two evaluations cannot be certified"
            )

    def _append(self, node: fx.Node, made: Node) -> None:
        self.nodes.append(made)
        self.index[node] = len(self.nodes) - 1

    def _parent(self, argument: Any, node: fx.Node) -> int:
        if not isinstance(argument, fx.Node) or argument not in self.index:
            raise NoRuleError(f"layer {node.name!r} has no rule: its input does not come from the image")
        return self.index[argument]

    def _operation(self, node: fx.Node) -> None:
        parent = self._parent(node.args[0], node) if node.args and node.args[0] in self.index else -1
        if node.op == "call_module":
            self._module(node, parent, self.modules[str(node.target)])
            return
        name = getattr(node.target, "__name__", str(node.target))
        if name in ("add", "iadd", "add_") and self._is_sum(node):
            self._sum(node)
        elif node.target in _CONSTANT and self._constant(node) is not None:
            self._scaling(node, *self._constant(node))  # type: ignore[misc]
        elif name in ("relu", "relu_"):
            self._append(node, Node("relu", (parent,), self.nodes[parent].shape))
        elif name in ("flatten", "view", "reshape"):
            self._flatten(node, parent)
        else:
            raise NoRuleError(f"layer {node.name!r} ({name}) has no rule")

    def _module(self, node: fx.Node, parent: int, module: nn.Module) -> None:
        shape = self.nodes[parent].shape
        if isinstance(module, nn.Identity) or (
            isinstance(module, nn.modules.dropout._DropoutNd) and not module.training
        ):
            self.index[node] = parent
        elif isinstance(module, nn.ReLU):
            self._append(node, Node("relu", (parent,), shape))
        elif isinstance(module, nn.Flatten):
            self._flatten(node, parent)
        elif isinstance(module, nn.Linear) and len(shape) == 1:
            weight, bias = _copy(module.weight), _copy(module.bias)
            self._append(node, Node("linear", (parent,), (module.out_features,), weight, bias))
        elif isinstance(module, nn.Conv2d) and module.padding_mode == "zeros":
            self._convolution(node, parent, module)
        elif isinstance(module, nn.BatchNorm2d) and not module.training and module.running_var is not None:
            scale, shift = _normalisation(module)
            self._scaling(node, scale, shift, parent)
        elif isinstance(module, nn.AvgPool2d | nn.AdaptiveAvgPool2d):
            self._pooling(node, parent, module)
        else:
            mode = " in training mode" if module.training else ""
            raise NoRuleError(f"layer {node.target!s} ({type(module).__name__}{mode}) has no rule")

    def _flatten(self, node: fx.Node, parent: int) -> None:
        shape = self.nodes[parent].shape
        result = tuple(self.results[node].shape)
        if result != (1, math.prod(shape)):
            raise NoRuleError(f"layer {node.name!r} reshapes to {result[1:]}: only flattening has a rule")
        if len(shape) == 1:
            self.index[node] = parent
        else:
            self._append(node, Node("flatten", (parent,), (math.prod(shape),)))

    def _convolution(self, node: fx.Node, parent: int, module: nn.Conv2d) -> None:
        weight = _copy(module.weight)
        assert weight is not None
        if module.groups > 1:  # as a dense kernel with zeros
            dense = weight.new_zeros(module.out_channels, module.in_channels, *weight.shape[2:])
            rows, columns = module.out_channels // module.groups, module.in_channels // module.groups
            for g in range(module.groups):
                dense[g * rows : (g + 1) * rows, g * columns : (g + 1) * columns] = weight[
                    g * rows : (g + 1) * rows
                ]
            weight = dense
        spread = module.dilation
        if spread != (1, 1):
            size = [(k - 1) * s + 1 for k, s in zip(weight.shape[2:], spread, strict=True)]
            wide = weight.new_zeros(*weight.shape[:2], *size)
            wide[:, :, :: spread[0], :: spread[1]] = weight
            weight = wide
        padding = module.padding
        if isinstance(padding, str):
            if padding == "same" and any((k - 1) % 2 for k in weight.shape[2:]):
                raise NoRuleError(f"layer {node.target!s} (Conv2d with one-sided padding) has no rule")
            padding = (0, 0) if padding == "valid" else tuple((k - 1) // 2 for k in weight.shape[2:])
        self._conv(node, parent, weight, _copy(module.bias), module.stride, padding)

    def _conv(
        self, node: fx.Node, parent: int, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any
    ) -> None:
        shape = tuple(self.results[node].shape)[1:]
        if len(shape) != 3:
            raise NoRuleError(f"layer {node.name!r} has no rule for values of shape {shape}")
        made = Node("conv", (parent,), shape, weight, bias, _pair(stride), _pair(padding))
        self._append(node, made)

    def _pooling(self, node: fx.Node, parent: int, module: nn.AvgPool2d | nn.AdaptiveAvgPool2d) -> None:
        channels, height, width = self.nodes[parent].shape
        if isinstance(module, nn.AdaptiveAvgPool2d):
            if tuple(self.results[node].shape)[2:] != (1, 1):
                raise NoRuleError(f"layer {node.target!s} (AdaptiveAvgPool2d to more than 1x1) has no rule")
            size, stride, padding = (height, width), (1, 1), (0, 0)
        else:
            size, stride, padding = _pair(module.kernel_size), _pair(module.stride), _pair(module.padding)
            if module.ceil_mode or module.divisor_override or (any(padding) and not module.count_include_pad):
                raise NoRuleError(f"layer {node.target!s} (AvgPool2d with uneven windows) has no rule")
        share = torch.eye(channels, dtype=torch.float64) / math.prod(size)
        weight = share[:, :, None, None].expand(-1, -1, *size).contiguous()
        self._conv(node, parent, weight, None, stride, padding)

    def _scaling(self, node: fx.Node, scale: Tensor, shift: Tensor, parent: int | None = None) -> None:
        """Per-channel ``scale * x + shift``, folded into the convolution before it where there is one."""
        if parent is None:
            parent = next(self.index[a] for a in node.all_input_nodes if a in self.index)
        channels = self.nodes[parent].shape[0]
        scale, shift = scale.expand(channels), shift.expand(channels)
        before = self.nodes[parent]
        uses = [key for key, value in self.index.items() if value == parent]
        if before.kind == "conv" and len(uses) == 1 and len(uses[0].users) == 1:
            assert before.weight is not None
            bias = shift if before.bias is None else before.bias * scale + shift
            self.nodes[parent] = replace(before, weight=before.weight * scale[:, None, None, None], bias=bias)
            self.index[node] = parent
            return
        self._conv(node, parent, torch.diag(scale)[:, :, None, None].contiguous(), shift, 1, 0)

    def _is_sum(self, node: fx.Node) -> bool:
        return len(node.args) >= 2 and all(a in self.index for a in node.args[:2])

    def _sum(self, node: fx.Node) -> None:
        parents = tuple(self._parent(a, node) for a in node.args[:2])
        shapes = [self.nodes[p].shape for p in parents]
        if shapes[0] != shapes[1] or node.kwargs:
            raise NoRuleError(f"layer {node.name!r} adds values of shapes {shapes[0]} and {shapes[1]}")
        self._append(node, Node("add", parents, shapes[0]))

    def _constant(self, node: fx.Node) -> tuple[Tensor, Tensor] | None:
        """Scale and shift per channel of arithmetic with one constant, or None."""
        if len(node.args) != 2 or node.kwargs:
            return None
        left, right = node.args
        flipped = right in self.index
        constant = left if flipped else right
        value = self.results.get(constant) if isinstance(constant, fx.Node) else constant
        if constant in self.index or not isinstance(value, Tensor | int | float):
            return None
        number = torch.as_tensor(value).detach().cpu().double()
        shape = self.nodes[self.index[right if flipped else left]].shape  # type: ignore[index]
        if len(shape) != 3 or (number.numel() != 1 and number.shape[-3:] != (shape[0], 1, 1)):
            return None
        number = number.reshape(-1)
        one, zero = torch.ones_like(number), torch.zeros_like(number)
        rules: dict[str, tuple[Tensor, Tensor] | None] = {
            "add": (one, number),
            "sub": (-one, number) if flipped else (one, -number),
            "mul": (number, zero),
            "truediv": None if flipped else (one / number, zero),
        }
        return rules[_CONSTANT[node.target]]


_CONSTANT: dict[Any, str] = {
    operator.add: "add", operator.sub: "sub", operator.mul: "mul", operator.truediv: "truediv",
    torch.add: "add", torch.sub: "sub", torch.mul: "mul", torch.div: "truediv",
}  # fmt: skip


def _copy(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.detach().cpu().to(torch.float64, copy=True)


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _normalisation(module: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift of a batch normalisation in eval mode."""
    mean, variance = _copy(module.running_mean), _copy(module.running_var)
    assert mean is not None
    assert variance is not None
    weight, bias = _copy(module.weight), _copy(module.bias)
    scale = (variance + module.eps).rsqrt() if weight is None else weight * (variance + module.eps).rsqrt()
    return scale, (0.0 if bias is None else bias) - mean * scale
