"""Builds multilingual-e5-small's encoder as an ONNX graph over embedded tokens.

The weights stay exactly those of the file: the four-bit integers are written as eight-bit ones with the same
scales, in blocks of 32 (`MatMulNBits`, accuracy level 4: activations are quantised to int8 by block too, as the
package's own engine does). docs/decisions/embedder.md has the measurements behind this form.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from indexes.embedders.e5.weights import BLOCK, Weights

INPUT, OUTPUT = "embedded", "pooled"
_MICROSOFT = "com.microsoft"
_OPSET = 17
_IR_VERSION = 8
# Eight-bit weights without an explicit zero point are read as q - 128, the file's as q - 8.
_ZERO_POINT_SHIFT = 128 - 8


def serialise(weights: Weights) -> bytes:
    """Return the graph: float32 [1, tokens, hidden] in, float32 [1, hidden] (the mean over tokens) out."""
    serialised: bytes = _Encoder(weights).model().SerializeToString()
    return serialised


class _Encoder:
    """Collects nodes and initialisers; each method appends one piece and returns the name of its output."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._initialisers: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        shape = self._weights.shape
        x = self._layer_norm(INPUT, "emb.ln", "emb")
        for layer in range(shape.layers):
            x = self._attention(x, f"l{layer}")
            x = self._feed_forward(x, f"l{layer}")
        self._node("ReduceMean", [x], OUTPUT, axes=[1], keepdims=0)
        graph = helper.make_graph(
            self._nodes,
            "multilingual-e5-small",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, "tokens", shape.hidden])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, shape.hidden])],
            self._initialisers,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def _attention(self, x: str, layer: str) -> str:
        shape = self._weights.shape
        projections = [self._matmul(x, f"{layer}.{name}.w", shape.hidden) for name in "qkv"]
        bias = np.concatenate([self._weights.vector(f"{layer}.{name}.b") for name in "qkv"])
        inputs = [*projections, self._constant(f"{layer}.qkv.b", bias)]
        heads = self._node("MultiHeadAttention", inputs, f"{layer}.heads", _MICROSOFT, num_heads=shape.heads)
        return self._residual(x, heads, f"{layer}.ao", shape.hidden, f"{layer}.aln")

    def _feed_forward(self, x: str, layer: str) -> str:
        shape = self._weights.shape
        inner = self._matmul(x, f"{layer}.fi.w", shape.hidden)
        inner = self._node("BiasGelu", [inner, self._vector(f"{layer}.fi.b")], f"{layer}.gelu", _MICROSOFT)
        return self._residual(x, inner, f"{layer}.fo", shape.feed_forward, f"{layer}.oln")

    def _residual(self, x: str, inner: str, projection: str, columns: int, norm: str) -> str:
        """Return norm(x + inner @ W + b). Plain nodes: the fused SkipLayerNormalization is three times slower."""
        y = self._matmul(inner, f"{projection}.w", columns)
        y = self._node("Add", [y, self._vector(f"{projection}.b")], f"{projection}.biased")
        y = self._node("Add", [y, x], f"{projection}.sum")
        return self._layer_norm(y, norm, projection)

    def _layer_norm(self, x: str, norm: str, name: str) -> str:
        inputs = [x, self._vector(f"{norm}.w"), self._vector(f"{norm}.b")]
        epsilon = self._weights.shape.epsilon
        return self._node("LayerNormalization", inputs, f"{name}.normed", axis=-1, epsilon=epsilon)

    def _matmul(self, x: str, name: str, columns: int) -> str:
        matrix = self._weights.matrix(name, columns)
        inputs = [
            x,
            self._constant(f"{name}.values", matrix.values + np.uint8(_ZERO_POINT_SHIFT)),
            self._constant(f"{name}.scales", matrix.scales.reshape(-1)),
        ]
        rows = matrix.values.shape[0]
        sizes = {"K": columns, "N": rows, "bits": 8, "block_size": BLOCK}
        return self._node("MatMulNBits", inputs, f"{name}.out", _MICROSOFT, accuracy_level=4, **sizes)

    def _vector(self, name: str) -> str:
        return self._constant(name, self._weights.vector(name))

    def _constant(self, name: str, value: NDArray[np.float32] | NDArray[np.uint8]) -> str:
        self._initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(
        self, op: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: int | float | list[int]
    ) -> str:
        node = helper.make_node(op, inputs, [output], name=output, domain=domain)
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return output
