import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import Testing

@testable import AviaryTraining

@Suite struct ParameterGroupTests {
  typealias One = OptimizerTests.One
  typealias Two = OptimizerTests.Two

  /// A step of plain descent along gradients of one.
  func step(
    _ model: Two, _ groups: [ParameterGroup], base: Double = 1, scheduled: Double = 1, decay: Double = 0
  ) throws -> Optimizer {
    let optimizer = try Optimizer(
      OptimizerConfiguration(.sgd, learningRate: base, weightDecay: decay), groups: groups, for: model)
    let g = OptimizerTests().gradients([model.backbone, model.head], [[1, 1, 1], [1, 1]])
    optimizer.step(model.parameters, g, learningRate: scheduled)
    return optimizer
  }

  @Test func groupsHaveTheirOwnRateAndDecay() throws {
    let model = Two()
    _ = try step(
      model,
      [ParameterGroup(["head"], learningRateScale: 10, weightDecay: 0), ParameterGroup(["**"], learningRateScale: 0)],
      scheduled: 0.5, decay: 0.1)
    #expect(model.backbone.p.tensor.scalars == [1, 2, 3])
    #expect(model.head.p.tensor.scalars == [-1, 0], "the first group that matches counts")
    _ = try step(model, [ParameterGroup(["head"])], decay: 0.5)
    #expect(model.backbone.p.tensor.scalars == [-0.5, 0, 0.5] && model.head.p.tensor.scalars == [-1.5, -1])
  }

  @Test func aRateOfTheGroupsOwnFollowsTheSchedule() throws {
    let model = Two()
    // The schedule has come down to a quarter of the run's rate, and so has the group's.
    _ = try step(model, [ParameterGroup(["head"], learningRate: 8)], base: 1, scheduled: 0.25)
    #expect(model.backbone.p.tensor.scalars == [0.75, 1.75, 2.75] && model.head.p.tensor.scalars == [2, 3])
  }

  @Test func frozenGroupsStayAsTheyAre() throws {
    let model = Two()
    let optimizer = try step(model, [ParameterGroup(["backbone"], isFrozen: true)])
    #expect(model.backbone.p.tensor.scalars == [1, 2, 3] && model.head.p.tensor.scalars == [3, 4])
    #expect(optimizer.state(for: model).keys.sorted() == ["head.p"])
  }

  @Test func aPatternThatMatchesNothingIsAnError() {
    let model = Two()
    let fault = #expect(throws: TrainingFault.self) {
      try step(model, [ParameterGroup(["head", "tail"], learningRateScale: 2)])
    }
    #expect(fault == .groupMatchesNothing(pattern: "tail", firstPaths: ["backbone", "head"]))
    #expect(fault?.description == "parameter group: 'tail' matches no parameter; the model has backbone, head")
    #expect(throws: PathPattern.Fault.self) { try step(model, [ParameterGroup(["he*"])]) }
    #expect(throws: TrainingFault.self) { try step(model, [ParameterGroup(["head"], learningRateScale: -1)]) }
  }

  @Test func ratesFallFromTheHeadDown() {
    #expect(
      ParameterGroup.layerwiseDecay(["a", "b.0", "c"], factor: 0.5) == [
        ParameterGroup(["c"]), ParameterGroup(["b.0"], learningRateScale: 0.5),
        ParameterGroup(["a"], learningRateScale: 0.25),
      ])
    #expect(ParameterGroup.layerwiseDecay([], factor: 0.5).isEmpty)
  }

  /// Layer-wise decay reaches parameters that a group names, unless that group has a rate of its own.
  @Test func ratesFallWithinNamedGroups() throws {
    let model = try Registry.zoo.architecture(named: "gcn-toy").build()
    var options = TrainingOptions(
      data: "", epochs: 1, optimizer: OptimizerConfiguration(.sgd, learningRate: 1), schedule: .constant)
    options.layerwiseDecay = 0.5
    options.groups = [
      ParameterGroup(["conv1"], learningRateScale: 3, weightDecay: 5e-4), ParameterGroup(["conv2"], learningRate: 2),
    ]
    let groups = try options.groups(for: model)
    func first(_ path: String) throws -> ParameterGroup? {
      try groups.first { try $0.patterns.contains { try PathPattern($0).matches(path) } }
    }
    for parameter in model.parameters {
      let group = try #require(try first(parameter.path))
      switch parameter.path.prefix(5) {
      case "conv1": #expect(group.learningRateScale == 0.75 && group.weightDecay == 5e-4)
      case "conv2": #expect(group.learningRate == 2 && group.learningRateScale == 1)
      default: #expect(group.learningRateScale == 1 && group.weightDecay == nil)
      }
    }
    #expect(groups.count == 5)
  }

  @Test func depthsOfAResidualNetwork() throws {
    func groups(_ model: some Network) throws -> [ParameterGroup] {
      let groups = ParameterGroup.layerwiseDecay(of: model, headPath: model.headPath, factor: 0.5)
      // Every parameter is in exactly one of them.
      for parameter in model.parameters {
        let matching = try groups.filter { group in
          try group.patterns.contains { try PathPattern($0).matches(parameter.path) }
        }
        #expect(matching.count == 1, "\(parameter.path)")
      }
      return groups
    }
    let model = try Registry.zoo.architecture(named: "resnet18").buildClassifier()
    let found = try groups(model)
    #expect(found.first == ParameterGroup(["fc"]))
    #expect(found[1] == ParameterGroup(["layer4.1"], learningRateScale: 0.5))
    #expect(found.last?.patterns == ["conv1", "bn1"], "a normalisation goes with the layer before it")
    #expect(found.count == 10)
  }
}
