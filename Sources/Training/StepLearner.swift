import AviaryLayers
import AviaryTensors

/// How a task learns from the batches of a step, whatever the step is part of.
struct StepLearner<Task: TrainingTask> {
  let task: Task
  let optimizer: Optimizer
  let options: TrainingOptions
  let parameters: [Parameter]

  init(_ task: Task, _ optimizer: Optimizer, _ options: TrainingOptions) {
    (self.task, self.optimizer, self.options) = (task, optimizer, options)
    parameters = task.model.parameters
  }

  /// One step along the gradient of all of the items together.
  ///
  /// - Parameters:
  ///   - number: of the step, from 0 over the whole run.
  ///   - transform: what is done to the gradients of the step.
  ///   - scope: what a batch is learned in.
  func learn(
    _ batches: [Task.Batches.Element], learningRate: Double, number: Int, _ transform: GradientTransform?,
    in scope: (() throws -> StepResult) throws -> StepResult = { try $0() }
  ) throws -> StepResult {
    /// - Parameter place: of the batch in the step: each draws random numbers of its own.
    func learn(_ batch: Task.Batches.Element, _ place: Int, _ transform: GradientTransform?) throws -> StepResult {
      let key = number * options.learning.accumulation + place
      let step = TrainingStep(
        number: key, parameters: parameters, noise: Noise(seed: options.seed, step: UInt64(key)),
        learningRate: learningRate, optimizer: optimizer, transformGradients: transform)
      return try scope { try task.step(batch, step) }
    }
    // The mean over a large batch is divided by what its parts' are together.
    let counts = batches.map { task.count($0) }
    let weights = zip(batches, counts).map { $1 > 0 ? task.lossWeight($0) : 0 }
    // Of classes that weigh nothing there is nothing to learn, and their mean is no number.
    func isWeightless(_ place: Int) -> Bool { weights[place] == 0 && counts[place] > 0 }
    let nothing = StepResult(loss: 0, correct: 0, count: 0)
    if batches.count == 1 { return isWeightless(0) ? nothing : try learn(batches[0], 0, transform) }
    let total = weights.reduce(0, +)
    let sum = GradientSum(transform)
    let last = weights.lastIndex { $0 > 0 }
    var results: [StepResult] = []
    for (place, batch) in batches.enumerated() {
      if isWeightless(place) {
        results.append(nothing)
        continue
      }
      sum.begin(share: total > 0 ? Float(weights[place] / total) : 0, isLast: place == last)
      results.append(try learn(batch, place, sum.collect))
    }
    return StepResult(results, weights: weights)
  }
}
