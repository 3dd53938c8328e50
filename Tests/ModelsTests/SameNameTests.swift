import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import Testing

/// A file in which two cells would have one name is refused with both.
@Suite struct SameNameTests {
  private struct Twice: Layer {
    let first = Parameter(shape: [2], initializer: .constant(0))
    let second = Parameter(shape: [3], initializer: .constant(0))
    var children: [Child] { [Child("p", first), Child("p", second)] }
  }

  /// Two parts of a composite under one name.
  private struct Composite: Layer {
    let a = Linear(2, 3)
    let b = BatchNorm2d(3)
    var children: [Child] { [Child("block", a), Child("block", b)] }
  }

  private func refusals(_ model: some Layer) throws -> [String] {
    model.initialize(seed: 0)
    var faults: [String] = []
    let checkpoint = model.checkpoint()
    do { try checkpoint.write(to: "never.h5") } catch { faults.append("\(error)") }
    do { try model.load(checkpoint, path: "never.h5") } catch { faults.append("\(error)") }
    return faults
  }

  @Test func twoCellsOfALayer() throws {
    #expect(
      try refusals(Twice()) == [
        "never.h5: two parts have the name 'p': float32 [2] and float32 [3]; give each a name of its own",
        "never.h5: two parts have the name 'p': a parameter [2] and a parameter [3]; give each a name of its own",
      ])
  }

  @Test func twoPartsOfAComposite() throws {
    let faults = try refusals(Composite())
    #expect(faults.count == 2)
    for fault in faults {
      #expect(fault.contains("'block.weight'") && fault.contains("[3, 2]") && fault.contains("[3]"))
    }
  }
}
