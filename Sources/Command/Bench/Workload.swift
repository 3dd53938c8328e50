import Aviary

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A piece of work whose steps are timed. What one step is, and its rules, are the same on every side of a comparison: no
/// result of a step serves another, parameters really change, inference may prepare its weights once.
struct Workload: Sendable {
  let name: String
  /// How many items a step works on.
  let items: Int
  /// Makes ready, and returns the step; where the workload trains, the step returns its loss.
  let prepare: @Sendable (_ start: Start?) throws -> () throws -> Float?

  /// Weights and inputs to begin with instead of random ones, for comparing losses with another program's.
  struct Start {
    var weights: Checkpoint
    var inputs: [String: StoredArray]
  }

  static let all: [Workload] = [
    Workload(name: "resnet18-train", items: 16) { try resnet18(.train, batch: 16, $0) },
    Workload(name: "resnet18-features", items: 16) { try resnet18(.features, batch: 16, $0) },
    Workload(name: "resnet18-infer16", items: 16) { try resnet18(.infer, batch: 16, $0) },
    Workload(name: "resnet18-infer1", items: 1) { try resnet18(.infer, batch: 1, $0) },
    Workload(name: "save", items: 1) { _ in
      let file = temporaryFile()
      let checkpoint = try resnet18Model(classes: 1000).checkpoint(architecture: "resnet18")
      return {
        try checkpoint.write(to: file)
        return nil
      }
    },
    Workload(name: "load", items: 1) { _ in
      let file = temporaryFile()
      try resnet18Model(classes: 1000).checkpoint(architecture: "resnet18").write(to: file)
      return {
        var sums: [String: Double] = [:]
        for entry in try Checkpoint.read(from: file).entries {
          sums[entry.path] = entry.array.sum()
        }
        return nil
      }
    },
  ]

  private enum Kind { case train, features, infer }

  /// ResNet18 on random images of 224×224: a training step of everything, one of the head alone, or a prediction.
  private static func resnet18(_ kind: Kind, batch: Int, _ start: Start?) throws -> () throws -> Float? {
    let model = try resnet18Model(classes: kind == .infer ? 1000 : 2)
    if let start { try model.load(start.weights) }
    let x = try image(start) ?? Tensor(normal: 0, deviation: 1, stream: stream("x"), shape: [batch, 3, 224, 224])
    if kind == .infer {
      return {
        _ = inference { model(x).scalars }
        return nil
      }
    }
    var random = stream("y")
    let y = IntTensor(
      start?.inputs["y"]?.integers().map { $0.map { Int32($0) } }
        ?? (0..<batch).map { _ in Int32(random.integer(below: 2)) })
    if kind == .features { model.freezeBackbone() }
    let parameters = model.trainableParameters
    let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 1e-3))
    return {
      let (loss, gradients) = valueWithGradients(of: parameters) { crossEntropy(model(x), labels: y) }
      optimizer.step(parameters, gradients, learningRate: 1e-3)
      return loss.scalar
    }
  }

  private static func resnet18Model(classes: Int) throws -> ResNet {
    var configuration = ResNet.Configuration.resnet18
    configuration.classes = classes
    let model = ResNet(configuration)
    model.initialize(seed: 0)
    return model
  }

  private static func image(_ start: Start?) throws -> Tensor? {
    guard let array = start?.inputs["x"], let scalars = array.floats() else { return nil }
    return Tensor(scalars, shape: array.shape)
  }

  private static func stream(_ purpose: String) -> RandomStream { RandomStream(seed: 0, purpose: purpose) }

  private static func temporaryFile() -> String {
    let folder = ProcessInfo.processInfo.environment["BENCH_DIR"] ?? FileManager.default.temporaryDirectory.path
    return folder + "/aviary-bench-\(ProcessInfo.processInfo.processIdentifier).h5"
  }
}
