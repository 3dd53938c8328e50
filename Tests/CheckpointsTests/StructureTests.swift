import AviaryCheckpoints
import Testing

/// Tensors told by order and shapes.
@Suite struct StructureTests {
  private let cells: [CellDescription] = [
    .init(path: "a.weight", shape: [2, 3], role: .parameter), .init(path: "a.bias", shape: [2], role: .parameter),
    .init(path: "n.running_mean", shape: [2], role: .buffer), .init(path: "n.count", shape: [], role: .counter),
    .init(path: "b.weight", shape: [1, 2], role: .parameter),
  ]

  private func checkpoint(_ shapes: [[Int]], counter: Bool) -> Checkpoint {
    var result = Checkpoint()
    for (index, shape) in shapes.enumerated() {
      if counter, index == 3 { result.set(StoredArray([7 as Int64], shape: []), at: "x3") }
      let count = shape.reduce(1, *)
      result.set(StoredArray([Float](repeating: Float(index), count: count), shape: shape), at: "p\(index)")
    }
    return result
  }

  @Test(arguments: [true, false]) func namesAreGivenInOrder(hasCounter: Bool) throws {
    let file = checkpoint([[2, 3], [2], [2], [1, 2]], counter: hasCounter)
    let named = try file.renamedByStructure(of: cells, path: "f")
    #expect(named.paths == cells.map(\.path).filter { hasCounter || $0 != "n.count" })
    #expect(named["n.running_mean"]?.floats() == [2, 2])
    #expect(named["n.count"]?.integers() == (hasCounter ? [7] : nil))
  }

  @Test func otherShapesAreNamed() throws {
    func text(_ shapes: [[Int]]) throws -> String {
      let fault = #expect(throws: CheckpointFault.self) {
        try checkpoint(shapes, counter: false).renamedByStructure(of: cells, path: "f")
      }
      return "\(try #require(fault))"
    }
    #expect(try text([[2, 3], [3]]).contains("'p1' [3] is in the place of 'a.bias' [2] of the network"))
    #expect(try text([[2, 3], [2]]).contains("the file ends before 'n.running_mean' [2]"))
    #expect(try text([[2, 3], [2], [2], [1, 2], [5]]).contains("1 more tensors than the network, from 'p4' on"))
  }
}
