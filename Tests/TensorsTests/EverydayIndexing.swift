import AviaryTensors

enum EverydayIndexing {
  private static let places: IntTensor = [[2, 0, 1], [1, 1, 3]]

  static let all: [String: EverydayGoldenTests.Operation] = [
    "subscript/first": one { $0[0] }, "subscript/negative": one { $0[-1, -2] }, "subscript/range": one { $0[1..<3] },
    "subscript/column": one { $0[0..., 2] }, "subscript/from-end": one { $0[.all, .slice(from: -3, to: -1)] },
    "subscript/step": one { $0[.all, .slice(from: 1, by: 2)] },
    "subscript/steps": one { $0[.slice(from: 1, to: 6, by: 3), .slice(by: 2)] },
    "subscript/rest": one { $0[.rest, 1] }, "subscript/rest-between": one { $0[1, .rest, ..<2] },
    "subscript/new-axis": one { $0[.all, .newAxis, 1...] },
    "subscript/clipped": one { $0[.slice(from: -9, to: 2), .slice(from: 1, to: 99)] },
    "subscript/positions": one { $0[IntTensor([2, 0, 2, -1])] },
    "subscript/positions-matrix": one { $0[.all, [[2, 0], [1, 1]] as IntTensor] },
    "subscript/mask": one { $0[$0 .> 0] },
    "subscript/mask-rows": one { $0[Mask([true, false, false, true], shape: [4])] },
    "index/selected": one { $0.selected(at: [2, 0, 2], axis: 1) },
    "index/adding": two { $0.adding($1, at: [2, 0, 2], axis: 1) },
    "index/gathered": one { $0.gathered(at: places, axis: 0) },
    "index/gathered-last": one { $0.gathered(at: places, axis: -1) },
    "index/taken": one { $0.taken(along: 1, at: [[3, 0]]) },
    "index/scattering": two { $0.scattering($1, at: [[2, 0, 1], [1, 3, 0]], axis: 1) },
    "index/scatterAdding": two { $0.scatterAdding($1, at: places, axis: 1) },
  ]
}
