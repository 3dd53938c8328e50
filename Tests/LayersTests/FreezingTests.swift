import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

@Suite struct FreezingTests {
  func frozen(_ patterns: String...) throws -> [String] {
    let network = TinyNetwork.filled()
    try network.freeze(patterns)
    return network.inventory.cells.filter(\.cell.isFrozen).map(\.path)
  }

  static let blocks = [
    "blocks.0.weight", "blocks.0.bias", "blocks.2.site", "blocks.3.0.weight", "blocks.3.0.bias", "blocks.3.1.weight",
    "blocks.3.1.bias", "blocks.3.1.running_mean", "blocks.3.1.running_var", "blocks.3.1.num_batches_tracked",
    "blocks.3.1.epsilon", "blocks.3.1.momentum",
  ]

  @Test func patternsMatchWholeComponentsFromTheFront() throws {
    #expect(try frozen("blocks") == Self.blocks)
    #expect(try frozen("blocks.3.0", "fc.bias") == ["blocks.3.0.weight", "blocks.3.0.bias", "fc.bias"])
    #expect(
      try frozen("*.weight") == ["conv1.weight", "bn1.weight", "fc.weight"], "a star is one component")
    #expect(
      try frozen("**.weight") == [
        "conv1.weight", "bn1.weight", "blocks.0.weight", "blocks.3.0.weight", "blocks.3.1.weight", "fc.weight",
      ])
    #expect(try frozen("**").count == TinyNetwork.filled().inventory.cells.count)
    #expect(try frozen() == [])
    #expect(try frozen("blocks.1") == [], "a layer without state can be named")
  }

  @Test func freezingReplacesTheFrozenSet() throws {
    let network = TinyNetwork.filled()
    try network.freeze(["conv1"])
    try network.freeze(["fc"])
    #expect(network.inventory.cells.filter(\.cell.isFrozen).map(\.path) == ["fc.weight", "fc.bias"])
    #expect(network.trainableParameters.map(\.path) == network.parameters.map(\.path).filter { !$0.hasPrefix("fc") })
  }

  @Test(arguments: [
    ("block", "blocks"), ("blocks.9", "blocks.0"), ("conv", "conv1"), ("fc.weight.x", "fc.weight"), ("layer4", nil),
    ("*.*.*.*.*", nil), ("conv2..fc", "conv1"), ("conv1..fcc", "fc"), ("heat", "head"),
  ])
  func aPatternThatMatchesNothingIsAFaultThatSaysWhatThereIs(pattern: String, near: String?) throws {
    let network = TinyNetwork.filled()
    try network.freeze(["fc"])
    let fault = try #require(throws: FreezeFault.self) { try network.freeze(["conv1", pattern]) }
    guard case .matchesNothing(let unknown, let first, let suggested) = fault else {
      Issue.record("\(fault)")
      return
    }
    #expect(pattern.hasPrefix(unknown) || pattern.hasSuffix(".." + unknown), "the bound alone")
    #expect(first == ["conv1", "bn1", "blocks", "drop", "fc"])
    if let near { #expect(suggested == near && fault.description.contains("did you mean '\(near)'?")) }
    #expect(fault.description.contains("the network has conv1, bn1, blocks, drop, fc"))
    #expect(
      network.inventory.cells.filter(\.cell.isFrozen).map(\.path) == ["fc.weight", "fc.bias"], "nothing is changed")
  }

  @Test(arguments: ["", "conv*", ".fc"])
  func aPatternThatIsNoneIsAFault(pattern: String) throws {
    let fault = try #require(throws: FreezeFault.self) { try TinyNetwork.filled().freeze([pattern]) }
    guard case .badPattern = fault else {
      Issue.record("\(fault)")
      return
    }
  }

  @Test func rangesFollowTheOrderOfTheNetwork() throws {
    let network = TinyNetwork.filled()
    func frozen(_ patterns: String...) throws -> [String] {
      try network.freeze(patterns)
      return network.frozenPaths
    }
    let all = network.inventory.cells.map(\.path)
    #expect(
      try frozen("conv1..fc")
        == all.map { String($0.prefix { $0 != "." }) }.reduce(into: []) { if $0.last != $1 { $0.append($1) } })
    #expect(try frozen("conv1..bn1") == ["conv1", "bn1"])
    #expect(try frozen("bn1..bn1") == ["bn1"])
    #expect(try frozen("bn1..blocks.0").contains("blocks.0"))
    #expect(throws: FreezeFault.reversedRange(range: "fc..conv1")) { try frozen("fc..conv1") }
    #expect(throws: FreezeFault.emptyBound(range: "blocks.1..fc")) { try frozen("blocks.1..fc") }
    for range in ["..fc", "fc..", "conv1...fc", "conv1..bn1..fc"] {
      #expect(throws: FreezeFault.badRange(range: range)) { try frozen(range) }
    }
  }

  @Test func whatIsNotTrainedIsFrozen() throws {
    let network = TinyNetwork.filled()
    for patterns in [["fc"], ["bn1..fc"], ["conv1", "fc.bias"]] {
      try network.freeze(patterns)
      let named = network.inventory.cells.filter(\.cell.isFrozen).map(\.path)
      try network.freeze(allBut: patterns)
      #expect(network.inventory.cells.filter { !$0.cell.isFrozen }.map(\.path) == named)
    }
  }

  @Test(arguments: ["encoder", "decoder", "decoder.weight"])
  func tiedCellsAreFrozenByAnyOfTheirPaths(pattern: String) throws {
    let model = WalkTests.Tied()
    try model.freeze([pattern])
    #expect(model.encoder.weight.isFrozen)
  }

  @Test func frozenLayersGetNoGradientAndPassGradientsOn() throws {
    let network = TinyNetwork.filled()
    let x = TinyNetwork.images()
    let noise = Noise(seed: 1, step: 1)
    try network.freeze(["blocks.0"])
    let gradients = valueWithGradients(of: network, noise: noise) { network.loss(x) }.gradients
    try network.freeze([])
    let expected = valueWithGradients(of: network, noise: noise) { network.loss(x) }.gradients
    for parameter in network.parameters {
      if parameter.path.hasPrefix("blocks.0") {
        #expect(gradients[parameter] == nil && expected[parameter] != nil)
      } else {
        // A frozen convolution computes the same, so all others learn the same.
        expectClose(
          actual: try #require(gradients[parameter]).scalars,
          expected: try #require(expected[parameter]).scalars.map(Double.init), absolute: 1e-7, name: parameter.path)
      }
    }
  }

  @Test func aFrozenNormalisationKeepsItsStatisticsAndUsesThem() throws {
    let layer = BatchNorm2d(2)
    layer.initialize(seed: 0)
    layer.runningMean.assign(Tensor([1, -1], shape: [2]))
    layer.runningVar.assign(Tensor([4, 0.25], shape: [2]))
    try layer.freeze(["**"])
    var numbers = TestNumbers(seed: 3)
    let x = Tensor(numbers.floats(3 * 2 * 4), shape: [3, 2, 2, 2])
    let inUse = layer(x).scalars
    let training = withMode(.training) { layer(x).scalars }
    #expect(training == inUse)
    let expected = x.scalars.enumerated().map { index, value in
      index / 4 % 2 == 0
        ? (Double(value) - 1) / (4.00001).squareRoot() : (Double(value) + 1) / (0.25001).squareRoot()
    }
    expectClose(actual: inUse, expected: expected)
    #expect(layer.runningMean.tensor.scalars == [1, -1] && layer.runningVar.tensor.scalars == [4, 0.25])
    #expect(layer.numBatchesTracked.value == 0)
    // Gradients pass through it: dx = dy · scale / √(variance + ε).
    let (_, gradients, input) = valueWithGradients(of: layer) {
      let x = watched(x)
      return (layer(x).sum(), x)
    }
    let slopes = (0..<24).map { 1 / ($0 / 4 % 2 == 0 ? 4.00001 : 0.25001).squareRoot() }
    expectClose(actual: try #require(gradients[input]).scalars, expected: slopes)
    #expect(gradients.byVariable.isEmpty)
  }

  @Test func aFrozenDropoutIsOff() throws {
    let layer = Sequential([Dropout(0.5)])
    let x = Tensor(ones: [64])
    try layer.freeze(["0"])
    #expect(withMode(.training) { layer(x).scalars } == x.scalars)
    try layer.freeze([])
    #expect(withMode(.training) { layer(x).scalars } != x.scalars)
  }

  @Test func theBackboneIsAllButTheHead() {
    let network = TinyNetwork.filled()
    #expect(!network.isBackboneFrozen)
    network.freezeBackbone()
    #expect(network.isBackboneFrozen)
    #expect(network.trainableParameters.map(\.path) == ["fc.weight", "fc.bias"])
    #expect(network.inventory.cells.filter { !$0.cell.isFrozen }.map(\.path) == ["fc.weight", "fc.bias"])
  }
}
