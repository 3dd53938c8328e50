import AviaryTensors
import Testing

@testable import AviaryLayers

@Suite struct WalkTests {
  enum Kind { case plain, other }

  struct Part: UnaryLayer {
    let innerWeight = Parameter(shape: [2], initializer: .ones)
    let expand1x1 = Linear(2, 2)

    func forward(_ x: Tensor) -> Tensor { x }
  }

  struct Model: Layer {
    let stem = Part()
    let blocks = [Part(), Part()]
    let absent: Part?
    let present: Part?
    let names = ["a"], range = 0..<3, closed = 0.0...1, number: Double = 1, flag = true, kind = Kind.plain
    let maybe: Int? = nil, maybeKind: Kind? = .other
    let sequence = Sequential([Activation.relu, Linear(2, 3, bias: false), Sequential([Part(), Flatten()])])
    private let runningMean2d = Buffer(shape: [1], startingAt: 0)
    let stepsTaken = Counter()
    let site = Site()

    init(absent: Part? = nil, present: Part? = Part()) {
      self.absent = absent
      self.present = present
    }
  }

  @Test func pathsAreThoseOfTheProperties() {
    let part = ["inner_weight", "expand1x1.weight", "expand1x1.bias"]
    let expected =
      ["stem", "blocks.0", "blocks.1", "present"].flatMap { prefix in part.map { "\(prefix).\($0)" } }
      + ["sequence.1.weight"] + part.map { "sequence.2.0.\($0)" }
      + ["sequence.2.1.site", "running_mean2d", "steps_taken", "site"]
    let model = Model()
    #expect(model.inventory.cells.map(\.path) == expected)
    #expect(model.inventory.cells.allSatisfy { $0.cell.path == $0.path }, "each cell knows its path")
    #expect(model.inventory.stateful.map(\.path) == expected.filter { !$0.hasSuffix("site") })
    #expect(model.parameters.map(\.path) == expected.filter { $0.hasSuffix("weight") || $0.hasSuffix("bias") })
    #expect(model.inventory.aliases.isEmpty)
    #expect(!Model(present: nil).inventory.cells.contains { $0.path.hasPrefix("present") })
  }

  @Test func layersAreListedFromTheOutsideIn() {
    let layers = Walk.layers(of: Model())
    #expect(
      layers.map(\.path) == [
        "", "stem", "stem.expand1x1", "blocks.0", "blocks.0.expand1x1", "blocks.1", "blocks.1.expand1x1", "present",
        "present.expand1x1", "sequence", "sequence.0", "sequence.1", "sequence.2", "sequence.2.0",
        "sequence.2.0.expand1x1", "sequence.2.1",
      ])
  }

  struct Tied: Layer {
    let encoder: Linear
    let decoder: Linear

    init() {
      encoder = Linear(2, 2)
      decoder = encoder
    }
  }

  @Test func tiedCellsAreListedOnceWithTheOtherPathAsAnAlias() {
    let inventory = Tied().inventory
    #expect(inventory.cells.map(\.path) == ["encoder.weight", "encoder.bias"])
    #expect(inventory.aliases == ["decoder.weight": "encoder.weight", "decoder.bias": "encoder.bias"])
    #expect(inventory.cells.allSatisfy { $0.cell.path == $0.path })
  }

  @Test func aWalkFromFurtherInLeavesCellsTheirWholePaths() {
    let model = Model()
    _ = model.parameters
    #expect(model.stem.parameters.map(\.path) == ["stem.inner_weight", "stem.expand1x1.weight", "stem.expand1x1.bias"])
    #expect(model.stem.inventory.cells.map(\.path) == ["inner_weight", "expand1x1.weight", "expand1x1.bias"])
  }

  struct WithClosure: Layer { let outer = Holder() }
  struct Holder: Layer { let activation: @Sendable (Float) -> Float = { $0 } }
  final class Box {}
  struct WithClass: Layer { let inner = [Boxed()] }
  struct Boxed: Layer { let box = Box() }
  enum Choice { case depth(Int) }
  struct WithPayload: Layer { let choice = Choice.depth(3) }
  struct WithDictionary: Layer { let table = ["a": 1] }
  struct WithForeign: Layer { let holder = Plain() }
  struct Plain { let weight = 1 }

  @Test func whatTheWalkCannotNameTrapsWithItsPath() async {
    let closure = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = WithClosure().inventory
    }
    expect(closure, "outer.activation: a layer cannot hold a")
    let object = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = WithClass().inventory
    }
    expect(object, "inner.0.box: a layer cannot hold a Box")
    let payload = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = WithPayload().inventory
    }
    expect(payload, "choice: a layer cannot hold a Choice")
    let dictionary = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = WithDictionary().inventory
    }
    expect(dictionary, "table: a layer cannot hold a Dictionary")
    let foreign = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = WithForeign().inventory
    }
    expect(foreign, "holder: a layer cannot hold a Plain")
  }
}

/// Expects that a process that died said `message`.
func expect(_ result: ExitTest.Result?, _ message: String, sourceLocation: SourceLocation = #_sourceLocation) {
  let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(text.contains(message), "\(text.prefix(1000))", sourceLocation: sourceLocation)
}
