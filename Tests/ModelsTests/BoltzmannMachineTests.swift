import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@Suite struct BoltzmannMachineTests {
  /// A machine so small that every state of it can be counted.
  private func machine(visible: Int = 3, hidden: Int = 2, scale: Float = 1, seed: UInt64 = 1) -> BoltzmannMachine {
    var numbers = TestNumbers(seed: seed)
    let machine = BoltzmannMachine(.init(visible: visible, hidden: hidden))
    machine.initialize(seed: 0)
    for parameter in machine.parameters {
      parameter.assign(
        Tensor(numbers.floats(parameter.count, from: -scale, to: scale), shape: parameter.shape))
    }
    return machine
  }

  private func states(_ count: Int) -> [[Double]] {
    (0..<1 << count).map { state in (0..<count).map { Double(state >> $0 & 1) } }
  }

  private func energy(_ machine: BoltzmannMachine, _ v: [Double], _ h: [Double]) -> Double {
    let w = machine.weight.tensor.scalars.map(Double.init)
    let a = machine.visibleBias.tensor.scalars.map(Double.init)
    let b = machine.hiddenBias.tensor.scalars.map(Double.init)
    var energy = 0.0
    for i in v.indices { energy -= a[i] * v[i] }
    for j in h.indices {
      energy -= b[j] * h[j]
      for i in v.indices { energy -= h[j] * w[j * v.count + i] * v[i] }
    }
    return energy
  }

  private func tensor(_ rows: [[Double]]) -> Tensor {
    Tensor(rows.flatMap { $0.map { Float($0) } }, shape: [rows.count, rows[0].count])
  }

  /// log p(v) by counting all states.
  private func logLikelihood(_ machine: BoltzmannMachine, _ v: [Double]) -> Double {
    let (nv, nh) = (machine.configuration.visible, machine.configuration.hidden)
    func weight(_ v: [Double]) -> Double { states(nh).reduce(0) { $0 + exp(-energy(machine, v, $1)) } }
    return log(weight(v)) - log(states(nv).reduce(0) { $0 + weight($1) })
  }

  @Test func probabilitiesAndFreeEnergiesAreThoseOfTheStates() {
    let machine = machine()
    let visible = states(3)
    let hidden = states(2)
    var onHidden: [Double] = []
    var free: [Double] = []
    for v in visible {
      let weights = hidden.map { exp(-energy(machine, v, $0)) }
      let sum = weights.reduce(0, +)
      for unit in 0..<2 { onHidden.append(zip(hidden, weights).reduce(0) { $0 + $1.0[unit] * $1.1 } / sum) }
      free.append(-log(sum))
    }
    var onVisible: [Double] = []
    for h in hidden {
      let weights = visible.map { exp(-energy(machine, $0, h)) }
      let sum = weights.reduce(0, +)
      for unit in 0..<3 { onVisible.append(zip(visible, weights).reduce(0) { $0 + $1.0[unit] * $1.1 } / sum) }
    }
    expectClose(actual: machine.hiddenProbabilities(tensor(visible)).scalars, expected: onHidden)
    expectClose(actual: machine.visibleMeans(tensor(hidden)).scalars, expected: onVisible)
    expectClose(actual: machine.freeEnergies(tensor(visible)).scalars, expected: free)
  }

  /// Where every probability is 0 or 1, nothing is left to chance and the update can be written down.
  @Test func anUpdateIsTheDifferenceOfTheStatistics() {
    let machine = machine(visible: 2, hidden: 1, scale: 0)
    machine.weight.assign(Tensor([100, 100], shape: [1, 2]))
    machine.hiddenBias.assign(Tensor([-50], shape: [1]))
    machine.visibleBias.assign(Tensor([-50, -50], shape: [2]))
    let options = ContrastiveDivergence.Options(steps: 2, learningRate: 0.5, momentum: 0.25, weightDecay: 0.01)
    var divergence = ContrastiveDivergence(machine, options: options)
    // [1, 0] turns the hidden unit on, and that both visible ones; [0, 0] stays.
    let batch = Tensor([1, 0, 0, 0], shape: [2, 2])
    #expect(abs(divergence.update(batch) - 0.25) < 1e-6)
    // h·v is [1, 0] from the data and [1, 1] from the chain, of two rows; the weights decay by 1.
    let first: [Float] = [0.5 * (0 - 1), 0.5 * (-0.5 - 1)]
    expectClose(
      actual: machine.weight.tensor.scalars, expected: first.map { Double(100 + $0) })
    #expect(machine.visibleBias.tensor.scalars == [-50, -50.25])
    #expect(machine.hiddenBias.tensor.scalars == [-50])
    divergence.update(batch)
    #expect(machine.visibleBias.tensor.scalars == [-50, -50.25 - 0.25 - 0.0625])
    let decay = first.map { 0.01 * (100 + $0) }
    let second = [0.25 * first[0] + 0.5 * (0 - decay[0]), 0.25 * first[1] + 0.5 * (-0.5 - decay[1])]
    expectClose(
      actual: machine.weight.tensor.scalars, expected: [0, 1].map { Double(100 + first[$0] + second[$0]) })
    #expect(divergence.updates == 2)
  }

  @Test func samplesFollowTheProbabilities() {
    // With hidden units on by chance 0.3 and one heavy weight each, what is reconstructed shows which were on.
    let machine = machine(visible: 1, hidden: 1, scale: 0)
    machine.hiddenBias.assign(Tensor([log(0.3 / 0.7)], shape: [1]))
    machine.weight.assign(Tensor([60], shape: [1, 1]))
    machine.visibleBias.assign(Tensor([-30], shape: [1]))
    var divergence = ContrastiveDivergence(machine, options: .init(learningRate: 0))
    let rows = 4000
    let error = divergence.update(Tensor(zeros: [rows, 1]))
    #expect(abs(error - 0.3) < 0.03)
    #expect(divergence.update(Tensor(zeros: [rows, 1])) != error, "every update draws anew")
  }

  @Test(arguments: [1, 3]) func learningMakesTheDataLikelier(steps: Int) {
    let data: [[Double]] = [[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]]
    func learned(seed: UInt64) -> BoltzmannMachine {
      let machine = BoltzmannMachine(.init(visible: 4, hidden: 3))
      machine.initialize(seed: 3)
      var options = ContrastiveDivergence.Options(steps: steps, learningRate: 0.2, seed: seed)
      options.weightDecay = 1e-4
      var divergence = ContrastiveDivergence(machine, options: options)
      for _ in 0..<400 { divergence.update(tensor(data)) }
      return machine
    }
    let fresh = BoltzmannMachine(.init(visible: 4, hidden: 3))
    fresh.initialize(seed: 3)
    let machine = learned(seed: 1)
    let before = data.reduce(0) { $0 + logLikelihood(fresh, $1) }
    let after = data.reduce(0) { $0 + logLikelihood(machine, $1) }
    // Two of sixteen states: from 4 · log(1/16) towards 4 · log(1/2).
    #expect(before < -11 && after > -5)
    #expect(machine.reconstructionError(tensor(data)) < 0.2 * fresh.reconstructionError(tensor(data)))
    #expect(learned(seed: 1).weight.tensor.scalars == machine.weight.tensor.scalars)
    #expect(learned(seed: 2).weight.tensor.scalars != machine.weight.tensor.scalars)
  }

  /// Chains that persist find how often each state is, where the data have states of every frequency.
  @Test func persistentChainsLearnFrequencies() {
    // Two patterns, twelve times each, and with one value changed, twice each.
    let rows = [[1, 1, 0, 0], [0, 0, 1, 1]].flatMap { (pattern: [Double]) -> [[Double]] in
      let changed = (0..<4).flatMap { place -> [[Double]] in
        var row = pattern
        row[place] = 1 - row[place]
        return [row, row]
      }
      return Array(repeating: pattern, count: 12) + changed
    }
    let machine = BoltzmannMachine(.init(visible: 4, hidden: 3))
    machine.initialize(seed: 3)
    var learning = ContrastiveDivergence(
      machine, options: .init(isPersistent: true, learningRate: 0.2, weightDecay: 0, seed: 1))
    // Each row has a chain.
    let batch = tensor(rows + rows + rows + rows)
    for step in 0..<400 {
      if step == 300 { learning.options.learningRate = 0.05 }
      learning.update(batch)
    }
    let mean = rows.reduce(0) { $0 + logLikelihood(machine, $1) } / Double(rows.count)
    // Sixteen states alike: −2.77.
    let best = 2 * 0.3 * log(0.3) + 8 * 0.05 * log(0.05)
    #expect(mean > best - 0.2 && mean < best, "\(mean) of \(best)")
  }

  @Test func configurationsThatDescribeNoMachineAreRefused() {
    let groups = BoltzmannMachine.Configuration(visible: 7, hidden: 3, units: .softmax, levels: 3)
    #expect(throws: ConfigurationFault.self) { try groups.validate() }
    let levels = BoltzmannMachine.Configuration(visible: 6, hidden: 3, units: .gaussian, levels: 3)
    #expect(throws: ConfigurationFault.self) { try levels.validate() }
    #expect(throws: ConfigurationFault.self) { try BoltzmannMachine.Configuration(visible: 0, hidden: 3).validate() }
    #expect(throws: ConfigurationFault.self) { try DeepBeliefNetwork.Configuration(widths: [3]).validate() }
    #expect(throws: ConfigurationFault.self) { try DeepBeliefNetwork.Configuration(widths: [3, 0]).validate() }
  }
}

@Suite struct DeepBeliefTests {
  /// Rows of two kinds with noise, and their kinds.
  private func batch(_ count: Int, seed: UInt64) -> (rows: Tensor, labels: IntTensor) {
    var numbers = TestNumbers(seed: seed)
    var rows: [Float] = []
    var labels: [Int32] = []
    for row in 0..<count {
      labels.append(Int32(row % 2))
      for place in 0..<12 {
        let isOn = (place < 6) == (row % 2 == 0)
        rows.append(numbers.floats(1, from: 0, to: 1)[0] < 0.1 ? (isOn ? 0 : 1) : (isOn ? 1 : 0))
      }
    }
    return (Tensor(rows, shape: [count, 12]), IntTensor(labels))
  }

  @Test func pretrainsGreedilyAndGoesOnAsAPerceptron() throws {
    let network = DeepBeliefNetwork(.init(widths: [12, 8, 4]))
    try network.configuration.validate()
    network.initialize(seed: 1)
    let batches = (0..<10).map { batch(20, seed: UInt64($0)).rows }
    var errors: [[Double]] = [[], []]
    network.pretrain(
      epochs: 30, batches: { _ in batches },
      report: { machine, epoch, error in
        #expect(errors[machine].count == epoch && (machine == 0 || errors[0].count == 30), "from the bottom to the top")
        errors[machine].append(error)
      })
    for machine in errors { #expect(machine.count == 30 && machine[29] < 0.7 * machine[0]) }

    let (x, labels) = batch(40, seed: 99)
    let features = network.features(x)
    #expect(features.shape == [40, 4])
    let model = network.classifier(classes: 2, seed: 5)
    #expect(model.features(x).scalars == features.scalars, "it begins with the machines' weights")
    func loss() -> Double { Double(crossEntropy(model(x), labels: labels).scalar) }
    let before = loss()
    for _ in 0..<200 {
      let gradients = valueWithGradients(of: model) { crossEntropy(model(x), labels: labels) }.gradients
      for parameter in model.parameters {
        guard let slope = gradients[parameter] else { continue }
        parameter.assign(parameter.tensor - slope * 0.5)
      }
    }
    #expect(loss() < 0.3 * before)
    #expect(network.features(x).scalars == features.scalars, "the machines keep values of their own")
  }

  /// The hidden layers of a perceptron come to what machines of the same seed learn, and its head stays.
  @Test func aPerceptronIsPretrained() throws {
    let configuration = MLP.Configuration(
      inputs: 12, hidden: [8, 4], activation: .sigmoid, pretraining: 3, outputs: 2)
    try configuration.validate(input: [12])
    let model = MLP(configuration)
    model.initialize(seed: 6)
    let head = try #require(model.parameters.first { $0.path == "fc3.weight" }).tensor.scalars
    let x = batch(9, seed: 50).rows
    let untrained = model.features(x).scalars
    let batches = (0..<4).map { batch(20, seed: UInt64($0)).rows }
    struct Refused: Swift.Error {}
    #expect(throws: Refused.self) {
      try model.pretrain(epochs: 3, seed: 7) { epoch throws -> [Tensor] in
        if epoch == 2 { throw Refused() }
        return batches
      }
    }
    #expect(model.features(x).scalars == untrained, "what is cut short changes nothing")
    var told = 0
    model.pretrain(epochs: 3, seed: 7, batches: { _ in batches }, report: { _, _, _ in told += 1 })
    #expect(told == 6)

    let network = DeepBeliefNetwork(.init(widths: [12, 8, 4]))
    network.initialize(seed: 7)
    network.pretrain(epochs: 3, options: .init(seed: 7), batches: { _ in batches })
    #expect(model.features(x).scalars == network.features(x).scalars)

    // The same with settings.
    var settings = configuration
    settings.pretrainingSteps = 2
    settings.pretrainingPersistent = true
    settings.pretrainingRate = 0.05
    settings.pretrainingMomentum = 0.9
    try settings.validate(input: [12])
    let other = MLP(settings)
    other.initialize(seed: 6)
    other.pretrain(epochs: 3, seed: 7, batches: { _ in batches })
    let same = DeepBeliefNetwork(.init(widths: [12, 8, 4]))
    same.initialize(seed: 7)
    same.pretrain(
      epochs: 3, options: .init(steps: 2, isPersistent: true, learningRate: 0.05, momentum: 0.9, seed: 7),
      batches: { _ in batches })
    #expect(other.features(x).scalars == same.features(x).scalars && other.features(x).scalars != untrained)
    settings.pretrainingRate = .nan
    #expect(throws: ConfigurationFault.self) { try settings.validate(input: nil) }
    #expect(try #require(model.parameters.first { $0.path == "fc3.weight" }).tensor.scalars == head)
  }
}
