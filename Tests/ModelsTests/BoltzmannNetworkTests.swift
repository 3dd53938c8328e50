import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryModels

/// The restricted Boltzmann machine as a network of the registry: what runs and commands use of it.
@Suite struct BoltzmannNetworkTests {
  private func machine(_ configuration: BoltzmannMachine.Configuration, scale: Float = 1) throws -> BoltzmannMachine {
    try configuration.validate()
    var numbers = TestNumbers(seed: 7)
    let machine = BoltzmannMachine(configuration)
    machine.initialize(seed: 1)
    for parameter in machine.parameters {
      parameter.assign(Tensor(numbers.floats(parameter.count, from: -scale, to: scale), shape: parameter.shape))
    }
    return machine
  }

  /// A number, a value that is on or off, and one of three choices.
  private static let mixed = BoltzmannMachine.Configuration(
    visible: 5, hidden: 2, units: .mixed,
    parts: [.init(.gaussian, visible: 1), .init(.binary, visible: 1), .init(.softmax, visible: 3, levels: 3)])

  private static let hiddenStates: [[Double]] = [[0, 0], [0, 1], [1, 0], [1, 1]]

  private func energy(_ machine: BoltzmannMachine, _ v: [Double], _ h: [Double]) -> Double {
    let w = machine.weight.tensor.scalars.map(Double.init)
    let (a, b) = (
      machine.visibleBias.tensor.scalars.map(Double.init), machine.hiddenBias.tensor.scalars.map(Double.init)
    )
    var energy = (v[0] - a[0]) * (v[0] - a[0]) / 2
    for i in 1..<v.count { energy -= a[i] * v[i] }
    for j in h.indices {
      energy -= b[j] * h[j] + h[j] * zip(w[j * v.count..<(j + 1) * v.count], v).reduce(0) { $0 + $1.0 * $1.1 }
    }
    return energy
  }

  @Test func mixedUnitsAreThoseOfTheirStates() throws {
    let machine = try machine(Self.mixed)
    var states: [[Double]] = []
    for number in [-1.5, 0, 0.7] {
      for flag in [0.0, 1] {
        for choice in 0..<3 { states.append([number, flag] + (0..<3).map { $0 == choice ? 1 : 0 }) }
      }
    }
    let visible = Tensor(states.flatMap { $0.map { Float($0) } }, shape: [states.count, 5])
    let weights = states.map { v in Self.hiddenStates.map { exp(-energy(machine, v, $0)) } }
    expectClose(
      actual: machine.freeEnergies(visible).scalars, expected: weights.map { -log($0.reduce(0, +)) })
    expectClose(
      actual: machine.hiddenProbabilities(visible).scalars,
      expected: weights.flatMap { row in
        (0..<2).map { unit in zip(row, Self.hiddenStates).reduce(0) { $0 + $1.0 * $1.1[unit] } / row.reduce(0, +) }
      })
    let hidden = Tensor([1, 0], shape: [1, 2])
    let means = machine.visibleMeans(hidden).scalars.map(Double.init)
    // Of the flag and the choice, by all six states; the number is where the energy is least.
    let six = states.prefix(6)
    let shares = six.map { exp(-energy(machine, $0, [1, 0])) }
    for unit in 1..<5 {
      let mean = zip(six, shares).reduce(0) { $0 + $1.0[unit] * $1.1 } / shares.reduce(0, +)
      #expect(abs(means[unit] - mean) < 1e-5)
    }
    let weight = machine.weight.tensor.scalars
    #expect(abs(means[0] - Double(machine.visibleBias.tensor.scalars[0] + weight[0])) < 1e-5)
    // A choice that is missing is missing in the reconstruction, unless it is asked for.
    let some = Tensor([0.5, 1, 0, 0, 0], shape: [1, 5])
    #expect(machine.reconstruction(some).scalars[2...].allSatisfy { $0 == 0 })
    #expect(abs(machine.reconstruction(some, completing: true).scalars[2...].reduce(0, +) - 1) < 1e-6)
    #expect(
      !machine.isBinary && machine.pseudoLogLikelihoods(visible, stream: RandomStream(seed: 1, purpose: "p")) == nil)
  }

  @Test func mixedUnitsAreDrawnByTheirKind() throws {
    let machine = try machine(Self.mixed, scale: 0.5)
    let drawn = machine.samples(count: 2000, steps: 30, seed: 4)
    #expect(drawn.scalars == machine.samples(count: 2000, steps: 30, seed: 4).scalars)
    for row in 0..<2000 {
      let values = drawn.scalars[row * 5..<(row + 1) * 5]
      #expect([0, 1].contains(values[row * 5 + 1]) && values.suffix(3).sorted() == [0, 0, 1])
      if row > 50 { break }
    }
    // As likely as the energies of the states say, whatever the number is.
    var (expected, sum) = ([0.0, 0, 0, 0], 0.0)
    for flag in [0.0, 1] {
      for choice in 0..<3 {
        for h in Self.hiddenStates {
          let w = machine.weight.tensor.scalars.map(Double.init)
          let a = Double(machine.visibleBias.tensor.scalars[0])
          let shift = h[0] * w[0] + h[1] * w[5]
          // The integral over the number completes the square.
          let v = [a, flag] + (0..<3).map { $0 == choice ? 1.0 : 0 }
          let probability = exp(-energy(machine, v, h) + shift * shift / 2)
          sum += probability
          for (unit, value) in v.dropFirst().enumerated() { expected[unit] += probability * value }
        }
      }
    }
    for (mean, expected) in zip(drawn.mean(over: [0]).scalars.dropFirst(), expected) {
      #expect(abs(Double(mean) - expected / sum) < 0.05, "\(mean) \(expected / sum)")
    }
  }

  /// What an optimizer descends along is what contrastive divergence climbs.
  @Test(arguments: [1, 3]) func gradientsAreThoseOfContrastiveDivergence(steps: Int) throws {
    let network = try machine(.init(visible: 6, hidden: 4, steps: steps))
    let twin = try machine(.init(visible: 6, hidden: 4))
    let batch = Tensor((0..<30).map { $0 % 3 == 0 ? 1 : 0 }, shape: [5, 6])
    var learning = ContrastiveDivergence(
      twin, options: .init(steps: steps, learningRate: 1, momentum: 0, weightDecay: 0, seed: 9))
    for update in 0..<2 {
      let (gradients, error) = network.divergence(batch, seed: 9, update: UInt64(update))
      #expect(error == learning.update(batch))
      for parameter in network.parameters {
        parameter.assign(parameter.tensor - (try #require(gradients[parameter])))
      }
      for (one, other) in zip(network.parameters, twin.parameters) {
        expectClose(actual: one.tensor.scalars, expected: other.tensor.scalars.map(Double.init))
      }
    }
  }

  static let golden: [(name: String, steps: Int, chains: Int)] = [
    ("binary", 2, 0), ("binary-chains", 2, 5), ("gaussian", 1, 0), ("softmax", 1, 0), ("counts", 3, 0),
  ]

  /// Three updates by the same random numbers, in float64.
  @Test(arguments: golden) func updatesEqualTheReference(name: String, steps: Int, chains: Int) throws {
    let golden = try Goldens("boltzmann", of: "ModelsTests")
    func array(_ part: String) throws -> Goldens.Array { try golden.array("\(name)/\(part)") }
    let given = try array("batch")
    let batch = Tensor(given.floats, shape: given.shape)
    let units = try #require(VisibleUnits(rawValue: name.split(separator: "-").map(String.init)[0]))
    let network = try machine(
      .init(
        visible: given.shape[1], hidden: 4, units: units, levels: units == .softmax ? 3 : 1, steps: steps,
        chains: chains))
    for (path, parameter) in network.namedParameters() {
      parameter.assign(Tensor(try array(path).floats, shape: parameter.shape))
    }
    expectClose(actual: network.freeEnergies(batch).scalars, expected: try array("free_energy").values)
    var errors: [Float] = []
    for update in 0..<3 {
      let (gradients, error) = network.divergence(batch, seed: 11, update: UInt64(update))
      errors.append(error)
      for parameter in network.parameters {
        parameter.assign(parameter.tensor - (try #require(gradients[parameter])) * 0.25)
      }
    }
    expectClose(actual: errors, expected: try array("errors").values)
    for (path, parameter) in network.namedParameters() {
      expectClose(actual: parameter.tensor.scalars, expected: try array("updated/\(path)").values, name: path)
    }
    if chains > 0 {
      expectClose(actual: network.buffers[0].tensor.scalars, expected: try array("chains").values)
    }
  }

  @Test func chainsPersistInCheckpoints() throws {
    let batch = Tensor((0..<30).map { $0 % 3 == 0 ? 1 : 0 }, shape: [5, 6])
    let network = try machine(.init(visible: 6, hidden: 4, chains: 8))
    #expect(network.persistsChains && network.buffers.map(\.shape) == [[8, 4]])
    _ = network.divergence(batch, seed: 1, update: 0)
    let first = network.buffers[0].tensor.scalars
    #expect(Set(first).count > 8)
    let saved = network.checkpoint(architecture: "rbm")
    _ = network.divergence(batch, seed: 1, update: 1)
    let restored = try #require(try Registry.zoo.model(from: saved, path: "memory").model as? BoltzmannMachine)
    #expect(restored.buffers[0].tensor.scalars == first)
    _ = restored.divergence(batch, seed: 1, update: 1)
    #expect(restored.buffers[0].tensor.scalars == network.buffers[0].tensor.scalars)
    #expect(restored.samples(count: 3, steps: 1, seed: 2, from: nil).shape == [3, 6])
    #expect(!network.learnsFromStatistics)
  }

  @Test func pseudoLikelihoodIsThatOfOneUnitGivenTheOthers() throws {
    let machine = try machine(.init(visible: 3, hidden: 2))
    let rows = Tensor([1, 0, 1], shape: [1, 3])
    // The three values of which one is drawn.
    let energies = machine.freeEnergies(Tensor([1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 0, 0], shape: [4, 3])).scalars.map(
      Double.init)
    let possible = (1...3).map { -3 * log(1 + exp(energies[0] - energies[$0])) }
    var found: Set<Int> = []
    for step in 0..<20 {
      let stream = RandomStream(seed: 3, purpose: "test", step: UInt64(step))
      let value = Double(try #require(machine.pseudoLogLikelihoods(rows, stream: stream)).scalars[0])
      found.insert(try #require(possible.firstIndex { abs($0 - value) < 1e-5 }))
    }
    #expect(found.count == 3)
  }

  @Test func visibleBiasesBeginAtTheMeans() throws {
    let network = try machine(Self.mixed)
    network.weight.assign(Tensor(zeros: [2, 5]))
    network.setVisibleBiases(means: Tensor([1.5, 0.25, 2, 1, 1], shape: [5]))
    let means = network.visibleMeans(Tensor(zeros: [1, 2])).scalars
    expectClose(actual: means, expected: [1.5, 0.25, 0.5, 0.25, 0.25])
    network.setVisibleBiases(means: Tensor([0, 0, 0, 1, 0], shape: [5]))
    let biases = network.visibleBias.tensor.scalars
    #expect(biases.allSatisfy { $0.isFinite })
  }

  static let refused: [(String, String)] = [
    (#"{"visible":6,"hidden":2,"units":"binary","levels":1,"parts":[],"steps":0,"chains":0}"#, "steps"),
    (#"{"visible":6,"hidden":2,"units":"counts","levels":1,"parts":[],"steps":1,"chains":3}"#, "chains"),
    (#"{"visible":6,"hidden":2,"units":"mixed","levels":1,"parts":[],"steps":1,"chains":0}"#, "parts"),
    (
      #"{"visible":6,"hidden":2,"units":"mixed","levels":1,"parts":[{"units":"binary","visible":5,"levels":1}],"steps":1,"chains":0}"#,
      "visible"
    ),
    (
      #"{"visible":5,"hidden":2,"units":"mixed","levels":1,"parts":[{"units":"counts","visible":5,"levels":1}],"steps":1,"chains":0}"#,
      "parts"
    ),
    (
      #"{"visible":5,"hidden":2,"units":"mixed","levels":1,"parts":[{"units":"softmax","visible":5,"levels":2}],"steps":1,"chains":0}"#,
      "visible"
    ),
    (
      #"{"visible":5,"hidden":2,"units":"mixed","levels":1,"parts":[{"units":"binary","visible":-5,"levels":1}],"steps":1,"chains":0}"#,
      "visible"
    ),
  ]

  @Test(arguments: refused) func configurationsThatDescribeNoMachineAreRefused(text: String, name: String) throws {
    let fault = try #require(throws: ArchitectureFault.self) {
      try Registry.zoo.architecture(named: "rbm").build(configuration: try JSONValue(parsing: text))
    }
    #expect(fault.description.contains("rbm: \(name) is"), "\(fault)")
  }

  @Test func theRegistrySaysWhatItIs() throws {
    let architecture = try Registry.zoo.architecture(named: "rbm")
    #expect(architecture.learnsWithoutLabels && architecture.kinds == [.images, .tables])
    #expect(Registry.zoo.architectures.filter(\.learnsWithoutLabels).map(\.name) == ["rbm"])
    let model = try architecture.build()
    #expect(model.parameters.reduce(0) { $0 + $1.count } == 393_284)
    let fault = #expect(throws: ArchitectureFault.self) { try architecture.classifier(model) }
    #expect(fault?.description == "rbm learns without labels and has no classes")
    #expect(throws: ArchitectureFault.self) { try architecture.build(input: [1, 27, 28]) }
  }
}
