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
      return recorded(y, as: rowMoves("taking", rows, width, shape), from: self) { [x = operand] dy, cotangents in
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
      return recorded(Tensor(y, shape: shape), as: rowMoves("placing", rows, width, shape), from: self) {
        [x = operand] dy, cotangents in
        cotangents.add(dy.taking(rows: rows, width: width, shape: x.shape), to: x)
      }
    }
  }

  /// The elements at `start` + Σ index · stride, no element twice.
  func strided(_ part: StridedPart) -> Tensor {
    operation {
      recorded(
        Tensor(part.read(plainBuffer), shape: part.shape), as: part.description("strided", in: self.shape), from: self
      ) { [x = operand] dy, cotangents in
        cotangents.add(dy.placed(part, in: x.shape), to: x)
      }
    }
  }

  /// Zeros of the shape given, with the elements at `start` + Σ index · stride.
  func placed(_ part: StridedPart, in shape: [Int]) -> Tensor {
    operation {
      recorded(
        Tensor(part.write(plainBuffer, into: shape), shape: shape), as: part.description("placed", in: shape),
        from: self
      ) { dy, cotangents in
        cotangents.add(dy.strided(part), to: self)
      }
    }
  }
}

private func rowMoves(_ name: String, _ rows: [Int32], _ width: Int, _ shape: [Int]) -> OperationDescription {
  .init(name, ["rows": .indices(IntTensor(rows)), "width": .integer(width), "shape": .integers(shape)])
}

extension StridedPart {
  fileprivate func description(_ name: String, in whole: [Int]) -> OperationDescription {
    .init(
      name,
      [
        "start": .integer(start), "strides": .integers(strides), "part": .integers(shape), "shape": .integers(whole),
      ])
  }
}

/// Zeros: a result that depends on no element of the operands, because it or they have none. The gradients of the operands
/// are zeros, too.
func emptyResult(
  _ shape: [Int], from a: Tensor, _ b: Tensor? = nil, _ c: Tensor? = nil, _ d: Tensor? = nil, _ e: Tensor? = nil,
  as description: OperationDescription? = nil
) -> Tensor {
  operation {
    recorded(
      Tensor(zeros: shape), as: description ?? .init("zeros", "shape", .integers(shape)), from: a, b, c, d, e
    ) { [operands = [a, b, c, d, e].map { $0?.operand }] _, cotangents in
      for case let x? in operands { cotangents.add(Tensor(zeros: x.shape), to: x) }
    }
  }
}
