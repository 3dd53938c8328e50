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
    #expect(OptimizerConfiguration.Kind.sgd.stateNames == [])
    #expect(OptimizerConfiguration.Kind.nesterov.stateNames == ["momentum"])
    #expect(OptimizerConfiguration.Kind.adamw.stateNames == ["first_moment", "second_moment"])
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
    ("epsilon", .init(.adam, learningRate: 1, epsilon: 0)),
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
  }
}
