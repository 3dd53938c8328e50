import AviaryTensors

enum EverydayMoves {
  static let all: [String: EverydayGoldenTests.Operation] = [
    "move/squeezed": one { $0.squeezed() }, "move/squeezed-one": one { $0.squeezed(axes: [-2]) },
    "move/unsqueezed": one { $0.unsqueezed(axis: 1) }, "move/unsqueezed-last": one { $0.unsqueezed(axis: -1) },
    "move/expanded": one { $0.expanded(to: [2, -1, 4]) }, "move/transposed": one { $0.transposed(0, -1) },
    "move/matrix": one { $0.transposed() }, "move/moved": one { $0.movingAxis(1, to: -1) },
    "move/permuted": one { $0.transposed([-1, 0, 1]) },
    "move/flattened": one { $0.flattened(from: 1, through: -2) }, "move/flattened-all": one { $0.flattened(from: 0) },
    "move/unflattened": one { $0.unflattened(axis: -1, into: [3, -1]) }, "move/tiled": one { $0.tiled([2, 1, 3]) },
    "move/tiled-last": one { $0.tiled([2]) }, "move/repeated": one { $0.repeated(2, axis: 1) },
    "move/chunked": one { concatenated($0.chunked(3).reversed(), axis: 0) },
    "move/rolled": one { $0.rolled(by: 2, axis: 1) }, "move/rolled-back": one { $0.rolled(by: -7, axis: 0) },
    "move/reversed": one { $0.reversed(axes: [0, 2]) }, "move/reversed-one": one { $0.reversed(axis: -2) },
    "move/diagonal": one { $0.diagonal() }, "move/diagonal-above": one { $0.diagonal(offset: 2) },
    "move/diagonal-below": one { $0.diagonal(offset: -1) },
    "move/diagonal-matrix": one { Tensor(diagonal: $0) },
    "move/diagonal-matrix-below": one { Tensor(diagonal: $0, offset: -2) },
    "move/lower": one { $0.lowerTriangle() }, "move/lower-below": one { $0.lowerTriangle(diagonal: -1) },
    "move/upper": one { $0.upperTriangle() }, "move/upper-above": one { $0.upperTriangle(diagonal: 1) },
    "move/meshgrid-ij": two { stacked(meshgrid([$0, $1])) },
    "move/meshgrid-xy": two { stacked(meshgrid([$0, $1], rowsFirst: false)) },
    "move/outer": { outer($0["input"]!, $0["vec2"]!) },
    "move/stacked": two { stacked([$0, $1], axis: -1) }, "move/concatenated": two { concatenated([$0, $1], axis: -1) },
    // PyTorch's pairs begin with the last axis, ours with the outermost that is padded.
    "pad/constant": one { $0.padded([(0, 3), (1, 2)], mode: .constant(-1.5)) },
    "pad/reflect": one { $0.padded([(2, 1)], mode: .reflect) },
    "pad/reflect-two": one { $0.padded([(1, 2), (2, 1)], mode: .reflect) },
    "pad/replicate": one { $0.padded([(2, 3)], mode: .replicate) },
    "pad/replicate-three": one { $0.padded([(0, 3), (2, 0), (1, 1)], mode: .replicate) },
    "pad/circular": one { $0.padded([(2, 3)], mode: .circular) },
  ]
}
