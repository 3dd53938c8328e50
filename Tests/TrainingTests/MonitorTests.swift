import AviaryLayers
import Foundation
import Testing

@testable import AviaryTraining

/// What the best epoch is chosen by.
@Suite struct MonitorTests {
  /// The best epoch of a run with these validation scores.
  private func best(_ scores: [Scores], _ choice: BestChoice = BestChoice()) -> Int? {
    var state = LoopState()
    for scores in scores { _ = state.finishEpoch(scores, choice) }
    return state.best?.epoch
  }

  private func scores(_ values: [(loss: Double, accuracy: Double)]) -> [Scores] {
    values.map { Scores(loss: $0.loss, accuracy: $0.accuracy) }
  }

  @Test func equalAccuraciesAreToldApartByLoss() {
    let run = scores([(0.9, 0.5), (0.6, 0.9), (0.3, 0.9), (0.4, 0.9), (0.2, 0.8)])
    #expect(best(run) == 3)
    #expect(best(run, BestChoice(.accuracy)) == 3)
    #expect(best(run, BestChoice(.loss)) == 5)
    #expect(best([1, 0.5, 0.7].map { Scores(loss: $0) }) == 2)
  }

  /// As Keras has it: better by more than the delta, from the best so far.
  @Test func smallGainsDoNotCount() {
    let run = scores([(1, 0.5), (0.96, 0.54), (0.9, 0.57), (0.5, 0.575), (0.89, 0.7)])
    #expect(best(run, BestChoice(minimumDelta: 0.05)) == 5)
    #expect(best(Array(run.dropLast()), BestChoice(.accuracy, minimumDelta: 0.05)) == 3)
    #expect(best(run, BestChoice(.loss, minimumDelta: 0.05)) == 4)
    #expect(best(run, BestChoice(.loss, minimumDelta: 9)) == 1)
  }

  @Test func numbersRiseOrFall() {
    let run = [(3.0, 2.0, 0.1), (2.0, 2.5, 0.4), (2.5, 1.0, 0.3)].map { rmse, mae, r2 in
      var scores = Scores(loss: 1)
      (scores.rmse, scores.mae, scores.r2) = (rmse, mae, r2)
      return scores
    }
    #expect(best(run) == 1, "the first one of equal losses")
    #expect(best(run, BestChoice(.rmse)) == 2)
    #expect(best(run, BestChoice(.mae)) == 3)
    #expect(best(run, BestChoice(.r2)) == 2)
  }

  @Test func meansOverClassesRise() {
    let run = [(0.9, 0.5, 0.4), (0.6, 0.7, 0.2), (0.5, 0.7, 0.3)].map { loss, f1, recall in
      var scores = Scores(loss: loss, accuracy: 0.5)
      (scores.macroF1, scores.balancedAccuracy) = (f1, recall)
      return scores
    }
    #expect(best(run, BestChoice(.macroF1)) == 3, "equal ones are told apart by their loss")
    #expect(best(run, BestChoice(.balancedAccuracy)) == 1)
  }

  /// The loss falls in every epoch, the accuracy does not rise.
  @Test func aPlateauIsOneOfWhatIsMonitored() {
    let run = scores([(1, 0.5), (0.8, 0.5), (0.6, 0.5), (0.4, 0.5)])
    func rate(_ quantity: Monitor?) -> Double {
      let plateau = ReduceOnPlateau(patience: 1, quantity: quantity)
      var state = ReduceOnPlateau.State(learningRate: 1)
      for scores in run { plateau.observe(scores, &state) }
      return state.learningRate
    }
    #expect(rate(nil) == 1 && rate(.loss) == 1)
    #expect(rate(.accuracy) == 0.1)
    #expect(rate(.r2) == 1, "the loss takes the place of what is not reported")
  }

  @Test func whatIsNotReportedIsRefused() throws {
    let task = ToyTask()
    task.adjust = { $0.choice = BestChoice(.r2) }
    let fault = try #require(throws: TrainingFault.self) { try task.run() }
    #expect(fault == .notMonitored(.r2, available: [.loss, .accuracy]))
    #expect(fault.description.contains("--monitor r2") && fault.description.contains("loss, accuracy"))
  }

  @Test func earlyStoppingWatchesWhatItIsToldTo() {
    let run = scores([(1, 0.5), (0.9, 0.5), (0.8, 0.5), (0.7, 0.5)])
    func stops(_ stopping: EarlyStopping) -> Bool {
      var state = EarlyStopping.State()
      for scores in run { stopping.observe(scores, &state) }
      return state.hasStopped
    }
    #expect(stops(EarlyStopping(patience: 3, quantity: .accuracy)))
    #expect(!stops(EarlyStopping(patience: 3, quantity: .loss)))
    #expect(stops(EarlyStopping(patience: 3, minimumImprovement: 0.5)))
  }

  @Test func optionsKeepTheChoice() throws {
    var options = TrainingOptions(epochs: 3, optimizer: OptimizerConfiguration(.sgd, learningRate: 0.1))
    let plain = try JSONEncoder().encode(options)
    #expect(!String(decoding: plain, as: UTF8.self).contains("monitor"), "a file without has what it had")
    options.monitor = .mae
    options.minimumDelta = 0.25
    options.trainOnly = ["head"]
    #expect(try JSONDecoder().decode(TrainingOptions.self, from: JSONEncoder().encode(options)) == options)
    for delta in [-1, Double.nan, .infinity] {
      options.minimumDelta = delta
      #expect(throws: TrainingFault.self) { try options.validate() }
    }
    options.minimumDelta = 0
    options.freeze = ["fc"]
    #expect(throws: TrainingFault.self) { try options.validate() }
  }
}
