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
    #expect(model.inventory.cells.allSatisfy { $0.cell.path.isEmpty }, "looking names nothing")
    model.initialize(seed: 1)
    #expect(model.inventory.cells.allSatisfy { $0.cell.path == $0.path }, "what is filled knows its path")
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
    let tied = Tied()
    tied.initialize(seed: 1)
    let inventory = tied.inventory
    #expect(inventory.cells.map(\.path) == ["encoder.weight", "encoder.bias"])
    #expect(inventory.aliases == ["decoder.weight": "encoder.weight", "decoder.bias": "encoder.bias"])
    #expect(inventory.cells.allSatisfy { $0.cell.path == $0.path })
  }

  struct Wrapper: Layer {
    let backbone: Model
    let fc = Linear(2, 2)
  }

  @Test func aModelInsideOfAWrapperKeepsNothingOfTheWrappers() {
    let model = Model(present: nil)
    model.initialize(seed: 7)
    let own = model.parameters.map(\.path)
    let values = model.parameters.map(\.tensor.scalars)
    let wrapper = Wrapper(backbone: model)
    #expect(wrapper.namedParameters().map(\.path).prefix(own.count) == ArraySlice(own.map { "backbone.\($0)" }))
    #expect(wrapper.trainableParameters.count == own.count + 2 && wrapper.tree.contains("backbone"))
    #expect(model.parameters.map(\.path) == own && model.namedParameters().map(\.path) == own)
    model.initialize(seed: 7)
    #expect(model.parameters.map(\.tensor.scalars) == values, "the same seed gives what it gave before")
  }

  struct Dense: UnaryLayer {
    let blocks = [Linear(2, 2), Linear(2, 2)]
    let gate = Part()
    let mask = Constant(Tensor([1, 0], shape: [2]))
    let name = "children of its own"

    var children: [Child] {
      blocks.enumerated().map { Child("denselayer\($0 + 1)", $1) }
        + [Child("Mixed_5b", gate), Child("relative_position.mask", mask)]
    }

    func forward(_ x: Tensor) -> Tensor { blocks.reduce(x * mask.tensor) { $1($0) } }
  }

  @Test func layersNameTheirChildren() {
    let model = Dense()
    model.initialize(seed: 1)
    #expect(
      model.namedParameters().map(\.path) == [
        "denselayer1.weight", "denselayer1.bias", "denselayer2.weight", "denselayer2.bias", "Mixed_5b.inner_weight",
        "Mixed_5b.expand1x1.weight", "Mixed_5b.expand1x1.bias",
      ])
    #expect(model.inventory.cells.last?.path == "relative_position.mask")
    #expect(!model.inventory.stateful.contains { $0.cell is Constant }, "a constant is made anew, not stored")
    let x = Tensor([1, 2], shape: [1, 2])
    let (_, outputs) = observing(["denselayer1"], of: model) { model(x) }
    #expect(outputs["denselayer1"]?.scalars == model.blocks[0](Tensor([1, 0], shape: [1, 2])).scalars)
  }

  @Test func elementsOfASequenceMayHaveNames() throws {
    let model = Sequential(["conv0": Linear(2, 3), "relu0": Activation.relu, "norm0": Sequential([Linear(3, 2)])])
    model.initialize(seed: 1)
    #expect(
      model.namedParameters().map(\.path) == ["conv0.weight", "conv0.bias", "norm0.0.weight", "norm0.0.bias"])
    let x = Tensor([1, -2], shape: [1, 2])
    let (_, outputs) = observing(["relu0"], of: model) { model(x) }
    #expect(outputs["relu0"]?.scalars == relu(model.elements[0](x)).scalars)
    #expect(model[1..<3].namedParameters().map(\.path) == ["norm0.0.weight", "norm0.0.bias"])
    try model.freeze(["norm0"])
    #expect(model.trainableParameters.map(\.path) == ["conv0.weight", "conv0.bias"])
  }

  struct WithClosure: Layer { let outer = Holder() }
  struct Holder: Layer { let activation: @Sendable (Float) -> Float = { $0 } }
  final class Box {}
  struct WithClass: Layer { let inner = [Boxed()] }
  struct Boxed: Layer { let box = Box() }
  enum Choice { case depth(Int) }
  struct WithPayload: Layer { let choice = Choice.depth(3) }
  struct WithDictionary: Layer { let table = ["a": 1] }
  struct WithTensor: Layer { let mask = Tensor([1, 2], shape: [2]) }
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
    let tensor = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = WithTensor().inventory
    }
    expect(
      tensor, "mask: a layer cannot hold a Tensor of shape [2] itself: make it a Parameter, a Buffer or a Constant")
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
