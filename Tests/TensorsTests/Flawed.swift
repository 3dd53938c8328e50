@testable import AviaryTensors

/// The tensor itself, with a pullback that is 2 % off: whatever comes before gets a wrong gradient.
func flawed(_ x: Tensor) -> Tensor {
  operation {
    recorded(Tensor(shape: x.shape, content: x.content), from: x) { dy, cotangents in
      cotangents.add(dy * 1.02, to: x)
    }
  }
}

/// The operands with the one named flawed.
func flawed(_ name: String, in operands: [String: Tensor]) -> [String: Tensor] {
  var operands = operands
  operands[name] = operands[name].map(flawed)
  return operands
}
