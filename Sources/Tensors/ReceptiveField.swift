extension Trace {
  /// Rows and columns of pictures [N, C, H, W]. They may reach beyond the picture, into its padding.
  public struct Region: Sendable, Equatable {
    /// The rows.
    public var rows: ClosedRange<Int>
    /// The columns.
    public var columns: ClosedRange<Int>

    /// A region of rows and columns.
    public init(rows: ClosedRange<Int>, columns: ClosedRange<Int>) {
      self.rows = rows
      self.columns = columns
    }

    func union(_ other: Region) -> Region {
      Region(
        rows: min(rows.lowerBound, other.rows.lowerBound)...max(rows.upperBound, other.rows.upperBound),
        columns: min(columns.lowerBound, other.columns.lowerBound)...max(columns.upperBound, other.columns.upperBound))
    }
  }

  /// The part of an input that a part of a result depends on: its receptive field. Operations that are no windows and do
  /// not keep rows and columns where they are make it the whole picture, as attention and means over positions do;
  /// normalisation by the statistics of a layer or group is passed over.
  ///
  /// - Parameters:
  ///   - region: of the value, [N, C, H, W].
  ///   - place: of the value in `values`: see `place(of:)`.
  ///   - input: the number of the input.
  /// - Returns: nil where the value does not depend on the input, or the input is no picture.
  public func receptiveField(of region: Region, at place: Int, input: Int = 0) -> Region? {
    guard let goal = values.firstIndex(where: { $0.source == .input(input) }), values[goal].shape.count == 4 else {
      return nil
    }
    var needed: [Int: Region] = [place: region]
    for node in nodes.reversed() {
      for result in node.results {
        guard let wanted = needed[result] else { continue }
        for operand in node.operands.compactMap({ $0 }) {
          switch values[operand].source {
          case .input, .node: break
          default: continue
          }
          let part = Self.part(of: values[operand].shape, for: wanted, of: values[result].shape, by: node.operation)
          needed[operand] = needed[operand].map { $0.union(part) } ?? part
        }
      }
    }
    return needed[goal]
  }

  /// The part of an operand that a part of the result is made of.
  private static func part(
    of operand: [Int], for wanted: Region, of result: [Int], by operation: OperationDescription
  ) -> Region {
    let whole =
      operand.count == 4
      ? Region(rows: 0...max(operand[2] - 1, 0), columns: 0...max(operand[3] - 1, 0))
      : Region(rows: 0...0, columns: 0...0)
    guard operand.count == 4, result.count == 4 else { return whole }
    if let kernel = operation["kernel"]?.integers, let stride = operation["stride"]?.integers,
      let padding = operation["padding"]?.integers, operation.name != "transposedConvolution",
      kernel.count == 2, stride.count == 2, padding.count == 2
    {
      let dilation = operation["dilation"]?.integers ?? [1, 1]
      func reached(_ range: ClosedRange<Int>, _ axis: Int) -> ClosedRange<Int> {
        let start = range.lowerBound * stride[axis] - padding[axis]
        return start...range.upperBound * stride[axis] - padding[axis] + (kernel[axis] - 1) * dilation[axis]
      }
      return Region(rows: reached(wanted.rows, 0), columns: reached(wanted.columns, 1))
    }
    return operand.suffix(2) == result.suffix(2) && !Self.mixing.contains(operation.name) ? wanted : whole
  }

  /// Operations that keep the shape of a picture and mix its positions.
  private static let mixing: Set<String> = [
    "matmul", "linear", "scaledDotProductAttention", "transposed", "rolled", "reversed", "sorted", "cumulativeSum",
    "cumulativeProduct", "dropBlock", "recurrent",
  ]
}

extension Trace {
  /// The multiplications with an addition that a node takes, for its whole batch; 0 for what has none: element by element,
  /// pooling, normalisation.
  public func multiplyAdds(of node: Node) -> Int {
    let shapes = node.operands.map { $0.map { values[$0].shape } ?? [] }
    guard let result = node.results.first.map({ values[$0].shape }), let first = shapes.first else { return 0 }
    func count(_ shape: some Sequence<Int>) -> Int { shape.reduce(1, *) }
    switch node.operation.name {
    case "convolution" where shapes.count > 1 && result.count == 4:
      // Each position of a result takes every weight once.
      return result[0] * result[2] * result[3] * count(shapes[1])
    case "transposedConvolution" where shapes.count > 1 && first.count == 4:
      return first[0] * first[2] * first[3] * count(shapes[1])
    case "linear", "matmul": return count(result) * (first.last ?? 0)
    case "scaledDotProductAttention" where shapes.count > 2:
      // Weights of all pairs, and the sums with them.
      let keys = shapes[1].dropLast().last ?? 0
      return count(first) * keys + count(result) * keys
    case "recurrent":
      let steps = first.dropLast().reduce(1, *)
      return steps * shapes.dropFirst().filter { $0.count == 2 }.reduce(0) { $0 + count($1) }
    default: return 0
    }
  }
}
