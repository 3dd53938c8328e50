import Testing

@testable import AviarySearch

@Suite struct SamplerTests {
  private static func space() throws -> SearchSpace {
    try SearchSpace([
      SearchParameter("rate", .real(1e-4...1, isLogarithmic: true)), SearchParameter("epochs", .whole(1...5)),
      SearchParameter("optimizer", .choice(["sgd", "adam", "momentum"])),
      SearchParameter("momentum", .real(0.5...0.99), if: .init(name: "optimizer", values: ["momentum"])),
    ])
  }

  /// Best at rate 0.01 with momentum 0.9.
  private static func cost(_ values: [String: String]) -> Double {
    let rate = Double(values["rate"] ?? "") ?? .nan
    let distance = SearchDomain.real(1e-4...1, isLogarithmic: true).coordinate(of: "\(rate)").map { abs($0 - 0.5) } ?? 1
    let momentum = values["momentum"].flatMap { Double($0) }.map { abs($0 - 0.9) } ?? 0.5
    return distance + momentum + 0.01 * (Double(values["epochs"] ?? "") ?? 0)
  }

  private func search(_ method: SearchMethod, seed: UInt64, trials: Int) throws -> [Observation] {
    let sampler = try method.sampler(Self.space(), seed: seed)
    var history: [Observation] = []
    for number in 0..<trials {
      let values = sampler.suggest(trial: number, after: history)
      history.append(Observation(values, .finished(Self.cost(values))))
    }
    return history
  }

  @Test(arguments: [SearchMethod.random, .tpe, .gp, .asha])
  func theSameSeedSearchesTheSame(method: SearchMethod) throws {
    let first = try search(method, seed: 3, trials: 14)
    #expect(try first == search(method, seed: 3, trials: 14))
    #expect(try first != search(method, seed: 4, trials: 14))
    // A search that was stopped goes on as if it had not been.
    let sampler = try method.sampler(Self.space(), seed: 3)
    #expect(sampler.suggest(trial: 13, after: Array(first.prefix(13))) == first[13].values)
  }

  @Test(arguments: [SearchMethod.tpe, .gp]) func itFindsMoreThanChance(method: SearchMethod) throws {
    func best(_ method: SearchMethod) throws -> Double {
      try (0..<3).map { try search(method, seed: $0, trials: 25).compactMap(\.value).min() ?? 1 }.reduce(0, +)
    }
    #expect(try best(method) < best(.random))
  }

  @Test(arguments: [SearchMethod.grid, .random, .tpe, .gp]) func givenValuesStay(method: SearchMethod) throws {
    let space = try SearchSpace([
      SearchParameter("epochs", .whole(1...5)), SearchParameter("optimizer", .choice(["sgd", "adam"])),
    ])
    let history = (1...5).flatMap { epochs in
      ["sgd", "adam"].map { Observation(["epochs": "\(epochs)", "optimizer": $0], .finished(Double(epochs))) }
    }
    let values = try method.sampler(space, seed: 1).suggest(trial: 12, keeping: ["epochs": "4"], after: history)
    #expect(values["epochs"] == "4" && values.count == 2)
  }

  @Test(arguments: [SearchMethod.tpe, .gp]) func failuresAndRunningTrialsDoNotStopIt(method: SearchMethod) throws {
    let space = try Self.space()
    let drawn = (0..<12).map { RandomSampler(space, seed: 9).suggest(trial: $0, after: []) }
    let outcomes: [Observation.Outcome] = [
      .failed, .running, .pruned(epoch: 2, .infinity), .finished(.nan), .finished(1), .finished(1),
    ]
    let history = drawn.enumerated().map { Observation($0.element, outcomes[$0.offset % outcomes.count]) }
    let values = try method.sampler(space, seed: 9).suggest(trial: 12, after: history)
    #expect(space.coordinates(of: values).prefix(3).allSatisfy { $0 != nil })
    // Beside a running trial another value is tried.
    let after = history + [Observation(values, .running)]
    #expect(try method.sampler(space, seed: 9).suggest(trial: 13, after: after) != values)
  }

  @Test func theGridIsScikitLearns() throws {
    let golden = try SearchGoldens.read().grid
    let space = try SearchSpace(golden.values.map { SearchParameter($0.key, .choice($0.value)) })
    let sampler = try GridSampler(space)
    #expect(sampler.points == golden.points)
    var history: [Observation] = []
    for point in golden.points {
      let values = sampler.suggest(trial: history.count, after: history)
      #expect(values == point)
      history.append(Observation(values, .failed))
    }
  }

  @Test func aGridHasWhatAppliesOnce() throws {
    let space = try SearchSpace([
      SearchParameter("optimizer", .choice(["sgd", "adam"])),
      SearchParameter("momentum", .choice(["0", "0.9"]), if: .init(name: "optimizer", values: ["sgd"])),
    ])
    #expect(
      try GridSampler(space).points == [
        ["optimizer": "sgd", "momentum": "0"], ["optimizer": "adam"], ["optimizer": "sgd", "momentum": "0.9"],
      ])
    #expect(throws: SearchFault.endless(name: "rate")) {
      try GridSampler(SearchSpace([SearchParameter("rate", .real(0...1))]))
    }
  }

  @Test func goodTrialsAreTheBestTenth() throws {
    let outcomes: [Observation.Outcome] = [
      .finished(3), .failed, .pruned(epoch: 1, 0), .pruned(epoch: 5, 9), .running, .finished(1), .finished(.nan),
    ]
    let history = outcomes.map { Observation(["a": "1"], $0) }
    #expect(TPESampler.ranked(history) == [5, 0, 3, 2, 1, 6])
  }

  @Test func densitiesAreThoseOfTruncatedNormals() throws {
    let golden = try SearchGoldens.read().parzen
    let space = try SearchSpace([
      SearchParameter("a", .real(0...1)), SearchParameter("b", .real(0...1)),
      SearchParameter("c", .choice(["x", "y", "z"])),
    ])
    func choice(_ number: Double) -> Double { (number + 0.5) / 3 }
    let points = golden.points.map { [$0[0], $0[1], $0[2].map(choice)] }
    let estimator = ParzenEstimator(points, space)
    for (place, expected) in zip(golden.places, golden.logDensities) {
      let density = estimator.logDensity(at: [place[0], place[1], choice(place[2])], [true, true, true])
      #expect(close(density, expected), "\(density) \(expected)")
    }
  }
}
