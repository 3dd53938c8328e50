import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// Machines whose visible units are not binary, against sums over all of their states.
@Suite struct BoltzmannUnitsTests {
  private typealias Row = [Double]

  private struct Machine {
    let machine: BoltzmannMachine
    let weight, visibleBias, hiddenBias: Row
    static let hiddenStates: [Row] = [[0, 0], [0, 1], [1, 0], [1, 1]]

    /// Two hidden units, and random values.
    init(visible: Int, _ units: BoltzmannMachine.Units, levels: Int = 1, seed: UInt64 = 1) throws {
      var numbers = TestNumbers(seed: seed)
      let configuration = BoltzmannMachine.Configuration(visible: visible, hidden: 2, units: units, levels: levels)
      try configuration.validate()
      machine = BoltzmannMachine(configuration)
      machine.initialize(seed: 0)
      for parameter in machine.parameters {
        parameter.assign(Tensor(numbers.floats(parameter.count, from: -1, to: 1), shape: parameter.shape))
      }
      (weight, visibleBias, hiddenBias) = Self.values(machine)
    }

    init(_ machine: BoltzmannMachine) {
      self.machine = machine
      (weight, visibleBias, hiddenBias) = Self.values(machine)
    }

    private static func values(_ machine: BoltzmannMachine) -> (Row, Row, Row) {
      func row(_ parameter: Parameter) -> Row { parameter.tensor.scalars.map(Double.init) }
      return (row(machine.weight), row(machine.visibleBias), row(machine.hiddenBias))
    }

    func energy(_ v: Row, _ h: Row) -> Double {
      var energy = 0.0
      for i in v.indices {
        if machine.configuration.units == .gaussian {
          energy += (v[i] - visibleBias[i]) * (v[i] - visibleBias[i]) / 2
        } else {
          energy -= visibleBias[i] * v[i]
        }
        for j in h.indices { energy -= h[j] * weight[j * v.count + i] * v[i] }
      }
      let times = machine.configuration.units == .counts ? v.reduce(0, +) : 1
      for j in h.indices { energy -= times * hiddenBias[j] * h[j] }
      return energy
    }

    private func weightedMean(of unit: Int, _ states: [Row], _ weights: [Double]) -> Double {
      var sum = 0.0
      for (state, weight) in zip(states, weights) { sum += weight * state[unit] }
      return sum / weights.reduce(0, +)
    }

    func freeEnergy(_ v: Row) -> Double { -log(Self.hiddenStates.reduce(0) { $0 + exp(-energy(v, $1)) }) }

    func hidden(_ v: Row) -> Row {
      let weights = Self.hiddenStates.map { exp(-energy(v, $0)) }
      return (0..<2).map { weightedMean(of: $0, Self.hiddenStates, weights) }
    }

    /// The mean of visible states that are all that there are.
    func visible(_ h: Row, _ states: [Row]) -> Row {
      let weights = states.map { exp(-energy($0, h)) }
      return states[0].indices.map { weightedMean(of: $0, states, weights) }
    }

    /// log p(v), where these states are all that there are.
    func logLikelihood(_ v: Row, _ states: [Row]) -> Double {
      -freeEnergy(v) - log(states.reduce(0) { $0 + exp(-freeEnergy($1)) })
    }
  }

  private func tensor(_ rows: [Row]) -> Tensor {
    Tensor(rows.flatMap { $0.map { Float($0) } }, shape: [rows.count, rows[0].count])
  }

  /// Every choice of one of three levels in each of two groups; of the first alone where `missing`.
  private func ratings(missing: Bool = false) -> [Row] {
    (0..<3).flatMap { first in
      (0..<(missing ? 1 : 3)).map { second in
        var row = Row(repeating: 0, count: 6)
        row[first] = 1
        if !missing { row[3 + second] = 1 }
        return row
      }
    }
  }

  @Test(arguments: [false, true]) func softmaxGroups(missing: Bool) throws {
    let reference = try Machine(visible: 6, .softmax, levels: 3)
    let (machine, states) = (reference.machine, ratings(missing: missing))
    expectClose(actual: machine.hiddenProbabilities(tensor(states)).scalars, expected: states.flatMap(reference.hidden))
    expectClose(actual: machine.freeEnergies(tensor(states)).scalars, expected: states.map(reference.freeEnergy))
    let like = tensor(Machine.hiddenStates.map { _ in states[0] })
    expectClose(
      actual: machine.visibleMeans(tensor(Machine.hiddenStates), like: like).scalars,
      expected: Machine.hiddenStates.flatMap { reference.visible($0, states) })
    if missing {
      let given = machine.reconstruction(tensor(states)).scalars
      let completed = machine.reconstruction(tensor(states), completing: true).scalars
      for row in 0..<3 {
        #expect(given[(row * 6 + 3)..<(row * 6 + 6)].allSatisfy { $0 == 0 })
        #expect(abs(completed[(row * 6 + 3)..<(row * 6 + 6)].reduce(0, +) - 1) < 1e-6)
      }
    }
  }

  @Test func countsOfWords() throws {
    let reference = try Machine(visible: 3, .counts)
    // Documents of two words, by the words in their order: the counts that differ in order only come twice.
    let states = (0..<9).map { index -> Row in
      var row: Row = [0, 0, 0]
      row[index / 3] += 1
      row[index % 3] += 1
      return row
    }
    let machine = reference.machine
    expectClose(actual: machine.hiddenProbabilities(tensor(states)).scalars, expected: states.flatMap(reference.hidden))
    expectClose(actual: machine.freeEnergies(tensor(states)).scalars, expected: states.map(reference.freeEnergy))
    let like = tensor(Machine.hiddenStates.map { _ in [0, 2, 0] })
    expectClose(
      actual: machine.visibleMeans(tensor(Machine.hiddenStates), like: like).scalars,
      expected: Machine.hiddenStates.flatMap { reference.visible($0, states) })
  }

  @Test func gaussianUnits() throws {
    let reference = try Machine(visible: 3, .gaussian)
    let machine = reference.machine
    var numbers = TestNumbers(seed: 9)
    let rows = (0..<5).map { _ in numbers.floats(3, from: -2, to: 2).map(Double.init) }
    expectClose(actual: machine.hiddenProbabilities(tensor(rows)).scalars, expected: rows.flatMap(reference.hidden))
    expectClose(actual: machine.freeEnergies(tensor(rows)).scalars, expected: rows.map(reference.freeEnergy))
    // exp(−E) of v is a bell around a + h·W, whose top is where E is least.
    for h in Machine.hiddenStates {
      let mean = machine.visibleMeans(tensor([h])).scalars.map(Double.init)
      for unit in 0..<3 {
        for step in [-1e-3, 1e-3] {
          var beside = mean
          beside[unit] += step
          #expect(reference.energy(beside, h) > reference.energy(mean, h))
        }
      }
    }
  }

  // MARK: Learning and drawing

  @Test(arguments: [false, true]) func groupsBecomeLikelier(persistent: Bool) throws {
    // The two groups agree eight times as often as they have each other choice.
    let rows = ratings().enumerated().flatMap { index, row in Array(repeating: row, count: index % 4 == 0 ? 8 : 1) }
    let machine = BoltzmannMachine(.init(visible: 6, hidden: 2, units: .softmax, levels: 3))
    machine.initialize(seed: 4)
    func mean() -> Double {
      let reference = Machine(machine)
      return rows.reduce(0) { $0 + reference.logLikelihood($1, ratings()) } / Double(rows.count)
    }
    let before = mean()
    var learning = ContrastiveDivergence(
      machine, options: .init(isPersistent: persistent, learningRate: 0.3, weightDecay: 0, seed: 1))
    let batch = tensor((0..<6).flatMap { _ in rows })
    for step in 0..<400 {
      if step == 300 { learning.options.learningRate = 0.05 }
      learning.update(batch)
    }
    let best = 0.8 * log(8.0 / 30) + 0.2 * log(1.0 / 30)
    let after = mean()
    #expect(before < best - 0.4 && after > best - 0.3 && after < best, "\(before), \(after) of \(best)")
  }

  @Test func aMissingRatingIsPredicted() {
    let data = [0, 1, 2].map { ratings()[$0 * 4] }
    let machine = BoltzmannMachine(.init(visible: 6, hidden: 4, units: .softmax, levels: 3))
    machine.initialize(seed: 4)
    var learning = ContrastiveDivergence(machine, options: .init(learningRate: 0.1, weightDecay: 0, seed: 1))
    // Half of the rows have one rating alone, which must neither help nor harm the other.
    let batch = tensor(data + data + ratings(missing: true))
    for _ in 0..<1500 { learning.update(batch) }
    let completed = machine.reconstruction(tensor(ratings(missing: true)), completing: true).scalars
    for level in 0..<3 { #expect(completed[level * 6 + 3 + level] > 0.7) }
  }

  @Test func gaussianUnitsFindClusters() {
    var numbers = TestNumbers(seed: 2)
    let centres: [Row] = [[3, -3], [-3, 3]]
    /// Nearly normal, of deviation 1.
    func noise() -> Double { Double(numbers.floats(12, from: -0.5, to: 0.5).reduce(0, +)) }
    let rows = (0..<200).map { index -> Row in centres[index % 2].map { $0 + noise() } }
    func meanLogLikelihood(_ machine: BoltzmannMachine) -> Double {
      let reference = Machine(machine)
      // Of each state of the hidden units: the integral over v of exp(−E).
      var partition = 0.0
      for h in Machine.hiddenStates {
        var exponent = h[0] * reference.hiddenBias[0] + h[1] * reference.hiddenBias[1]
        for i in 0..<2 {
          let bias = reference.visibleBias[i]
          let mean = bias + h[0] * reference.weight[i] + h[1] * reference.weight[2 + i]
          exponent += (mean * mean - bias * bias) / 2
        }
        partition += 2 * .pi * exp(exponent)
      }
      let sum = rows.reduce(0) { $0 - reference.freeEnergy($1) }
      return sum / Double(rows.count) - log(partition)
    }
    let machine = BoltzmannMachine(.init(visible: 2, hidden: 2, units: .gaussian))
    machine.initialize(seed: 4)
    let before = meanLogLikelihood(machine)
    var learning = ContrastiveDivergence(machine, options: .init(learningRate: 0.01, weightDecay: 0, seed: 1))
    for _ in 0..<1500 { learning.update(tensor(rows)) }
    // Two clusters of deviation 1, equally likely: −log 2 − log 2π − 1 each.
    let best = -log(2) - log(2 * Double.pi) - 1
    #expect(before < best - 5 && meanLogLikelihood(machine) > best - 0.3)
  }

  @Test(arguments: BoltzmannMachine.Units.allCases.filter { $0 != .mixed }) func samplesFollowTheDistribution(
    _ units: BoltzmannMachine.Units
  ) throws {
    let reference = try Machine(visible: 3, units == .gaussian ? .binary : units, levels: units == .softmax ? 3 : 1)
    let count = 6000
    let start = units == .counts ? tensor((0..<count).map { _ in [2, 0, 0] }) : nil
    guard units != .gaussian else {
      // Without weights each unit is normal around its bias.
      let machine = BoltzmannMachine(.init(visible: 2, hidden: 1, units: .gaussian))
      machine.initialize(seed: 0)
      machine.weight.assign(Tensor(zeros: [1, 2]))
      machine.visibleBias.assign(Tensor([1, -2], shape: [2]))
      let drawn = machine.samples(count: count, steps: 1, seed: 3)
      let means = drawn.mean(over: [0]).scalars
      #expect(abs(means[0] - 1) < 0.05 && abs(means[1] + 2) < 0.05)
      #expect(abs((drawn - machine.visibleBias.tensor).squared().mean().scalar - 1) < 0.05)
      return
    }
    let states: [Row] =
      switch units {
      case .binary: (0..<8).map { state in (0..<3).map { Double(state >> $0 & 1) } }
      case .softmax: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
      default:
        (0..<9).map { index in (0..<3).map { Double((index / 3 == $0 ? 1 : 0) + (index % 3 == $0 ? 1 : 0)) } }
      }
    let drawn = reference.machine.samples(count: count, steps: 40, seed: 3, from: start)
    let weights = states.map { exp(-reference.freeEnergy($0)) }
    let expected = (0..<3).map { unit in
      zip(states, weights).reduce(0) { $0 + $1.0[unit] * $1.1 } / weights.reduce(0, +)
    }
    for (mean, expected) in zip(drawn.mean(over: [0]).scalars, expected) {
      #expect(abs(Double(mean) - expected) < 0.03, "\(units): \(mean), \(expected)")
    }
    #expect(drawn.scalars == reference.machine.samples(count: count, steps: 40, seed: 3, from: start).scalars)
    #expect(drawn.scalars != reference.machine.samples(count: count, steps: 40, seed: 4, from: start).scalars)
  }
}
