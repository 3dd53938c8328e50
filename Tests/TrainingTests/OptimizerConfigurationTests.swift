import AviaryTraining
import Foundation
import Testing

@Suite struct OptimizerConfigurationTests {
  @Test func defaultsAreTheKinds() throws {
    let adamw = OptimizerConfiguration(.adamw, learningRate: 1e-3)
    #expect(adamw.weightDecay == 0.01)
    #expect(OptimizerConfiguration(.sgd, learningRate: 1e-3).weightDecay == 0)
    #expect(OptimizerConfiguration(.adamw, learningRate: 1e-3, weightDecay: 0).weightDecay == 0)
    try adamw.validate()
  }

  @Test func stateNamesAreThoseOfTheRule() {
    func names(_ kind: OptimizerConfiguration.Kind, momentum: Double? = nil, isCentered: Bool = false) -> [String] {
      OptimizerConfiguration(kind, learningRate: 1, momentum: momentum, isCentered: isCentered).stateNames
    }
    #expect(names(.sgd) == [] && names(.nesterov) == ["momentum"])
    #expect(names(.adamw) == ["first_moment", "second_moment"])
    #expect(names(.adagrad) == ["sum"] && names(.adadelta) == ["square_average", "change_average"])
    #expect(names(.rmsprop) == ["square_average"])
    #expect(
      names(.rmsprop, momentum: 0.1, isCentered: true) == ["square_average", "gradient_average", "momentum"])
  }

  @Test func whatPyTorchTakesUnasked() {
    let kinds = OptimizerConfiguration.Kind.allCases.map { OptimizerConfiguration($0, learningRate: 1) }
    #expect(
      kinds.map(\.kind.rawValue) == ["sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw"])
    #expect(kinds.map(\.epsilon) == [1e-8, 1e-8, 1e-8, 1e-10, 1e-6, 1e-8, 1e-8, 1e-8])
    #expect(kinds.map(\.momentum) == [0.9, 0.9, 0.9, 0.9, 0.9, 0, 0.9, 0.9])
    #expect(kinds.map(\.kind.defaultLearningRate) == [1e-3, 1e-3, 1e-3, 1e-2, 1, 1e-2, 1e-3, 1e-3])
  }

  @Test func optionsOfAnEarlierVersionAreRead() throws {
    let text = """
      {"kind": "momentum", "learningRate": 0.5, "weightDecay": 0.1, "momentum": 0.8, "beta1": 0.9, "beta2": 0.99,
       "epsilon": 1e-7}
      """
    let read = try JSONDecoder().decode(OptimizerConfiguration.self, from: Data(text.utf8))
    #expect(
      read
        == OptimizerConfiguration(
          .momentum, learningRate: 0.5, weightDecay: 0.1, momentum: 0.8, beta2: 0.99, epsilon: 1e-7))
    let group = try JSONDecoder().decode(
      ParameterGroup.self, from: Data(#"{"patterns": ["fc"], "learningRateScale": 3}"#.utf8))
    #expect(group == ParameterGroup(["fc"], learningRateScale: 3))
    var options = TrainingOptions(
      data: "data", epochs: 3, optimizer: read, schedule: .cosine(), augmentation: .none)
    options.groups = [group]
    var fields = try #require(
      JSONSerialization.jsonObject(with: JSONEncoder().encode(options)) as? [String: Any])
    for name in ["layerwiseDecay", "clipping", "earlyStopping", "weightAverageDecay"] { fields[name] = nil }
    let old = try JSONSerialization.data(withJSONObject: fields)
    #expect(try JSONDecoder().decode(TrainingOptions.self, from: old) == options)
    options.clipping = GradientClipping(norm: 1, value: 0.5)
    options.earlyStopping = EarlyStopping(patience: 3, minimumImprovement: 0.01, quantity: .accuracy)
    options.layerwiseDecay = 0.8
    options.weightAverageDecay = 0.999
    try options.validate()
    #expect(try JSONDecoder().decode(TrainingOptions.self, from: JSONEncoder().encode(options)) == options)
  }

  @Test func impossibleOptionsAreRefused() {
    func refuses(_ change: (inout TrainingOptions) -> Void, sourceLocation: SourceLocation = #_sourceLocation) {
      var options = TrainingOptions(
        data: "data", epochs: 3, optimizer: .init(.sgd, learningRate: 1), schedule: .constant, augmentation: .none)
      change(&options)
      #expect(throws: TrainingFault.self, sourceLocation: sourceLocation) { try options.validate() }
    }
    refuses { $0.clipping = GradientClipping(norm: 0) }
    refuses { $0.clipping = GradientClipping(value: -1) }
    refuses { $0.clipping = GradientClipping(value: .infinity) }
    refuses { $0.clipping = GradientClipping(norm: 1e-60) }
    refuses { $0.earlyStopping = EarlyStopping(patience: 0) }
    refuses { $0.earlyStopping = EarlyStopping(patience: 1, minimumImprovement: .nan) }
    refuses { $0.layerwiseDecay = 0 }
    refuses { $0.layerwiseDecay = 1.5 }
    refuses { $0.weightAverageDecay = 1 }
    refuses { $0.weightAverageDecay = -0.1 }
    refuses { $0.groups = [ParameterGroup([])] }
  }

  @Test(arguments: OptimizerConfiguration.Kind.allCases)
  func survivesJSON(kind: OptimizerConfiguration.Kind) throws {
    let configuration = OptimizerConfiguration(kind, learningRate: 0.1, weightDecay: 5e-4, beta2: 0.99)
    #expect(
      try JSONDecoder().decode(OptimizerConfiguration.self, from: JSONEncoder().encode(configuration))
        == configuration)
  }

  static let impossible: [(String, OptimizerConfiguration)] = [
    ("learning rate", .init(.sgd, learningRate: 0)), ("learning rate", .init(.sgd, learningRate: -1)),
    ("learning rate", .init(.sgd, learningRate: .nan)), ("learning rate", .init(.sgd, learningRate: .infinity)),
    ("weight decay", .init(.sgd, learningRate: 1, weightDecay: -0.1)),
    ("momentum", .init(.momentum, learningRate: 1, momentum: 1)),
    ("beta1", .init(.adam, learningRate: 1, beta1: -0.1)), ("beta2", .init(.adam, learningRate: 1, beta2: .nan)),
    ("epsilon", .init(.adam, learningRate: 1, epsilon: 0)), ("rho", .init(.adadelta, learningRate: 1, rho: 1)),
    ("alpha", .init(.rmsprop, learningRate: 1, alpha: -0.1)),
    ("learning rate decay", .init(.adagrad, learningRate: 1, learningRateDecay: -1)),
    ("initial accumulator", .init(.adagrad, learningRate: 1, initialAccumulator: .infinity)),
  ]

  @Test(arguments: impossible)
  func refusesTheImpossibleByName(name: String, configuration: OptimizerConfiguration) {
    let fault = #expect(throws: TrainingFault.self) { try configuration.validate() }
    #expect(fault?.description.hasPrefix(name) == true)
  }

  @Test func groupsAreValidated() throws {
    try ParameterGroup(["fc"], learningRateScale: 10, weightDecay: 0).validate()
    #expect(throws: TrainingFault.self) { try ParameterGroup(["fc"], learningRateScale: -1).validate() }
    #expect(throws: TrainingFault.self) { try ParameterGroup(["fc"], weightDecay: .nan).validate() }
    #expect(throws: TrainingFault.self) { try ParameterGroup(["fc"], learningRate: 0).validate() }
    #expect(throws: TrainingFault.self) { try ParameterGroup([]).validate() }
  }
}
