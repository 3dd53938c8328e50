import AviaryDiagnostics
import AviaryKernels

// What indexing, gathering and scattering are made of. Each of a pair is the pullback of the other.

extension Tensor {
  /// Rows of `width` consecutive elements, picked by their numbers; a row may be picked more than once.
  func taking(rows: [Int32], width: Int, shape: [Int]) -> Tensor {
    if shape.contains(0) { return emptyResult(shape, from: self) }
    ensure(count <= Int(Int32.max), "a tensor of \(self.shape) has more elements than indices can name")
    return operation {
      let y = Tensor(plainBuffer.rows(rows, width: width).reshaped(to: shape), shape: shape)
      return recorded(y, from: self) { [x = operand] dy, cotangents in
        cotangents.add(dy.placing(rows: rows, width: width, shape: x.shape), to: x)
      }
    }
  }

  /// Zeros of the shape given, to which each row of `width` elements is added at the row that its number names.
  func placing(rows: [Int32], width: Int, shape: [Int]) -> Tensor {
    let count = shape.reduce(1, *)
    if count == 0 || rows.isEmpty || width == 0 { return emptyResult(shape, from: self) }
    ensure(count <= Int(Int32.max), "a tensor of \(shape) has more elements than indices can name")
    return operation {
      let y = plainBuffer.gathered(intoRows: rows, of: [count / width, width]).reshaped(to: shape)
      return recorded(Tensor(y, shape: shape), from: self) { [x = operand] dy, cotangents in
        cotangents.add(dy.taking(rows: rows, width: width, shape: x.shape), to: x)
      }
    }
  }

  /// The elements at `start` + Σ index · stride, no element twice.
  func strided(_ part: StridedPart) -> Tensor {
    operation {
      recorded(Tensor(part.read(plainBuffer), shape: part.shape), from: self) { [x = operand] dy, cotangents in
        cotangents.add(dy.placed(part, in: x.shape), to: x)
      }
    }
  }

  /// Zeros of the shape given, with the elements at `start` + Σ index · stride.
  func placed(_ part: StridedPart, in shape: [Int]) -> Tensor {
    operation {
      recorded(Tensor(part.write(plainBuffer, into: shape), shape: shape), from: self) { dy, cotangents in
        cotangents.add(dy.strided(part), to: self)
      }
    }
  }
}

/// Zeros: a result that depends on no element of the operands, because it or they have none. The gradients of the operands
/// are zeros, too.
func emptyResult(_ shape: [Int], from a: Tensor, _ b: Tensor? = nil, _ c: Tensor? = nil) -> Tensor {
  operation {
    recorded(Tensor(zeros: shape), from: a, b, c) { [operands = [a, b, c].map { $0?.operand }] _, cotangents in
      for case let x? in operands { cotangents.add(Tensor(zeros: x.shape), to: x) }
    }
  }
}
