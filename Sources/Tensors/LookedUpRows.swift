import AviaryKernels

/// Rows of a table [V, D] that have been looked up and not copied yet: [N…, D]. What multiplies all of them by one matrix does so
/// once for each row that occurs, however often it does: characters of a text are few, and come again and again.
struct LookedUpRows {
  let table: Tensor
  /// [N…]: the rows.
  let indices: IntTensor
  /// The row that gets no gradient.
  let padding: Int?
  /// Where the tape has the result. Elsewhere the same elements are a tensor whose gradient does not go to the table alone.
  var position: TapePosition?

  /// [N…, D]
  var shape: [Int] { indices.shape + [table.shape[1]] }

  /// Copied.
  func copied() -> Buffer {
    table.plainBuffer.rows(indices.scalars, width: table.shape[1]).reshaped(to: shape)
  }

  /// Adds what has come to rows of the table, [M, D], to its gradient.
  func add(_ gradient: Buffer, of rows: [Int32], to cotangents: inout Cotangents) {
    guard cotangents.wants(table) else { return }
    let sums = Tensor(gradient.gathered(intoRows: rows, of: table.shape), shape: table.shape)
    guard let padding else { return cotangents.add(sums, to: table) }
    let mask = Tensor((0..<table.shape[0]).map { $0 == padding ? 0 : 1 }, shape: [table.shape[0], 1])
    cotangents.add(sums * mask, to: table)
  }

  /// Each row that occurs, in the order in which they first do, and which of these comes where; nil if more than `limit` occur.
  func distinct(atMost limit: Int) -> (rows: [Int32], places: [Int32])? {
    var place = [Int32](repeating: -1, count: table.shape[0])
    var rows: [Int32] = []
    for index in indices.scalars where place[Int(index)] < 0 {
      guard rows.count < limit else { return nil }
      place[Int(index)] = Int32(rows.count)
      rows.append(index)
    }
    return (rows, indices.scalars.map { place[Int($0)] })
  }
}

extension Tensor {
  /// Rows that a later operation may take without a copy, recorded like any result.
  static func lookedUp(
    _ rows: LookedUpRows, as description: @autoclosure () -> OperationDescription, from operand: Tensor,
    pullback: @escaping Pullback
  ) -> Tensor {
    let y = recorded(Tensor(.rows(rows), shape: rows.shape), as: description(), from: operand, pullback: pullback)
    if let position = y.node {
      var rows = rows
      rows.position = position
      y.content.onComputeThread.value = .deferred(.rows(rows))
    }
    return y
  }

  /// The rows of a table that this tensor is, not yet copied, where its whole gradient is the table's.
  var rowsOfTable: LookedUpRows? {
    guard case .rows(let rows)? = deferred, rows.position == node,
      node.map({ !(Pass.current.onComputeThread.tape?.observes($0) ?? false) }) ?? true
    else { return nil }
    return rows
  }
}
