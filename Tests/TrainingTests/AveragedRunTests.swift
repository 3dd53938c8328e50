import AviaryCheckpoints
import AviaryModels
import Foundation
import Testing

@testable import AviaryTraining

/// Whole runs with a moving average of the weights, and with parameter groups.
@Suite struct AveragedRunTests {
  let photographs: Photographs
  var run: String { photographs.root + "/run" }

  init() throws { photographs = try Photographs() }

  func start(_ change: (inout TrainingOptions) -> Void) throws -> TrainingReport {
    var options = Photographs.options(photographs.data, epochs: 1)
    change(&options)
    return try NetworkTraining.start(
      options, from: .scratch(try Registry.zoo.architecture(named: "resnet-toy")), at: run
    ) { _ in
    }
  }

  @Test func theAverageIsWhatIsKeptAsTheBest() throws {
    let report = try start { $0.weightAverageDecay = 0.5 }
    let last = try Checkpoint.read(from: run + "/last.h5")
    let best = try Checkpoint.read(from: run + "/best.h5")
    let averages = try #require(last.trainingState).averages
    #expect(averages.count > 5)
    for (path, array) in averages {
      let average = try #require(array.floats())
      #expect(best[path]?.floats() == average, "\(path)")
      #expect(last[path]?.floats() != average, "\(path)")
    }
    #expect(best["bn1.running_mean"]?.floats() == last["bn1.running_mean"]?.floats(), "statistics are not averaged")
    #expect(report.summary?.testAccuracy != nil)
  }

  @Test func gradientsAreClipped() throws {
    // Steps of plain descent along gradients of at most 1e-6 change nothing to speak of.
    let report = try start {
      $0.optimizer = OptimizerConfiguration(.sgd, learningRate: 1e-3)
      $0.clipping = GradientClipping(value: 1e-6)
    }
    #expect(report.summary?.epochs == 1)
    let architecture = try Registry.zoo.architecture(named: "resnet-toy")
    let model = try architecture.buildClassifier(input: [3, 32, 32]).replacingHead(outputs: 2, seed: 5)
    model.initialize(seed: 5)
    let last = try Checkpoint.read(from: run + "/last.h5")
    for parameter in model.parameters {
      let moved = zip(parameter.tensor.scalars, try #require(last[parameter.path]?.floats())).map { abs($0 - $1) }
      #expect(moved.allSatisfy { $0 <= 1e-7 }, "\(parameter.path)")
    }
  }

  @Test func groupsThatMatchNothingLeaveNothingBehind() throws {
    let fault = #expect(throws: TrainingFault.self) {
      try start { $0.groups = [ParameterGroup(["layer9"], learningRateScale: 0.1)] }
    }
    #expect(fault?.description.hasPrefix("parameter group: 'layer9' matches no parameter; the model has conv1") == true)
    #expect(!FileManager.default.fileExists(atPath: run))
  }
}
