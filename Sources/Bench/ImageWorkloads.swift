import Aviary

extension Workload {
  /// Networks for images, on random images.
  static let imageWorkloads = [
    Workload(name: "resnet18-train", items: 16) { try resnet18(.training, batch: 16, $0) },
    Workload(name: "resnet18-features", items: 16) { try resnet18(.trainingTheHead, batch: 16, $0) },
    Workload(name: "resnet18-infer16", items: 16) { try resnet18(.prediction, batch: 16, $0) },
    Workload(name: "resnet18-infer1", items: 1) { try resnet18(.prediction, batch: 1, $0) },
    // Of Aviary alone: the same two in 8-bit integers.
    Workload(name: "resnet18-infer16-int8", items: 16) { try resnet18(.integerPrediction, batch: 16, $0) },
    Workload(name: "resnet18-infer1-int8", items: 1) { try resnet18(.integerPrediction, batch: 1, $0) },
    // PyTorch's float32 is 1e-2 from itself in the third loss, depending on its library of convolutions, and 1e-3 from
    // float64 in the second: batch normalisation of few values between thirteen layers enlarges what rounding does.
    Workload(name: "xai-train", items: 32, drift: 2e-2) { setting in
      let rates: [Float] = [0.3, 0.4, 0.5]
      let model = XAINet(XAINet.Configuration(dropout: rates.map(setting.dropout)))
      return try classifier(model, .training, images: [32, 3, 100, 100], setting)
    },
    Workload(name: "alexnet-train", items: 32) { setting in
      let model = AlexNet(AlexNet.Configuration(.torchvision, dropout: setting.dropout(0.5)))
      return try classifier(model, .training, images: [32, 3, 224, 224], setting)
    },
    Workload(name: "lenet5-train", items: 64) { setting in
      try classifier(LeNet(.lenet5), .training, images: [64, 1, 28, 28], setting)
    },
    Workload(name: "mlp-train", items: 100) { setting in
      let dropout = [setting.dropout(0.25), 0]
      let model = MLP(MLP.Configuration(inputs: 784, hidden: [256, 128], dropout: dropout, outputs: 10))
      return try classifier(model, .training, images: [100, 1, 28, 28], setting)
    },
  ]

  private enum Kind { case training, trainingTheHead, prediction, integerPrediction }

  private static func resnet18(_ kind: Kind, batch: Int, _ setting: Setting) throws -> Step {
    var configuration = ResNet.Configuration.resnet18
    configuration.outputs = kind == .prediction || kind == .integerPrediction ? 1000 : 2
    return try classifier(ResNet(configuration), kind, images: [batch, 3, 224, 224], setting)
  }

  /// A training step of everything or of the head alone, or a prediction.
  private static func classifier(
    _ model: some Classifier, _ kind: Kind, images shape: [Int], _ setting: Setting
  ) throws -> Step {
    model.initialize(seed: 0)
    if let start = setting.start { try model.load(start.weights) }
    let x = try setting.start?.tensor("x") ?? Tensor(normal: 0, deviation: 1, stream: stream("x"), shape: shape)
    if kind == .integerPrediction {
      let calibration = Calibration(of: model)
      calibration.observe { _ = model(x).scalars }
      try calibration.quantize()
    }
    if kind == .prediction || kind == .integerPrediction {
      let model = model.frozenForInference()
      return {
        _ = model(x).scalars
        return nil
      }
    }
    let y =
      try setting.start?.integers("y") ?? random("y", below: model.configuration.outputs, shape: [shape[0]])
    if kind == .trainingTheHead { model.freezeBackbone() }
    return try training(model) { crossEntropy(model(x), labels: y) }
  }
}
