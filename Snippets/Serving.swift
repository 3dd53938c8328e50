// Predictions for many callers at once, from a model that is trained elsewhere.
import Aviary

let network = try Registry.zoo.architecture(named: "lenet5")
let model = try network.buildClassifier(input: network.input)
model.initialize(seed: 1)

// A copy with the values of this moment. Any number of tasks may share it; it cannot be trained.
let frozen = model.frozenForInference()

// A request that does not fit is an error, not the end of the program.
do {
  _ = try frozen.predict(Tensor(zeros: [1, 3, 28, 28]))
} catch {
  print("refused: \(error)")
}

// Waiting suspends the task; no thread of the pool is blocked.
let classes = try await withThrowingTaskGroup(of: Int.self) { group in
  for request in 0..<16 {
    group.addTask {
      let image = Tensor(uniform: 0, 1, seed: UInt64(request), shape: [1, 1, 28, 28])
      return Int(try await frozen.predict(image).argmax(axis: 1).scalars[0])
    }
  }
  var answers: [Int] = []
  for try await answer in group { answers.append(answer) }
  return answers
}
print(classes.count, "answers")
