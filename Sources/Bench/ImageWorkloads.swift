import Aviary
import AviaryExplanations

extension Workload {
  /// Networks for images, on random images.
  static let imageWorkloads = [
    Workload(name: "resnet18-train", items: 16) { try resnet18(.training, batch: 16, $0) },
    Workload(name: "resnet18-features", items: 16) { try resnet18(.trainingTheHead, batch: 16, $0) },
    Workload(name: "resnet18-infer16", items: 16) { try resnet18(.prediction, batch: 16, $0) },
    Workload(name: "resnet18-infer1", items: 1) { try resnet18(.prediction, batch: 1, $0) },
    Workload(name: "resnet18-train1", items: 1) { try resnet18(.training, batch: 1, $0) },
    // Why the network prefers one of two classes, from the image alone to the map.
    Workload(name: "resnet18-gradcam1", items: 1) { try resnet18(.explanation, batch: 1, $0) },
    // The same predictions in 8-bit integers.
    Workload(name: "resnet18-infer16-int8", items: 16) { try resnet18(.integerPrediction, batch: 16, $0) },
    Workload(name: "resnet18-infer1-int8", items: 1) { try resnet18(.integerPrediction, batch: 1, $0) },
    // PyTorch's own float32 losses differ by 1e-2 in the third step, depending on the convolution library, and by 1e-3
    // from float64 in the second: batch normalization of few values between thirteen layers amplifies rounding.
    Workload(name: "xai-train", items: 32, drift: 2e-2) { setting in
      let rates: [Float] = [0.3, 0.4, 0.5]
      let model = XAINet(XAINet.Configuration(dropout: rates.map(setting.dropout)))
      return try classifier(model, .training, images: [32, 3, 100, 100], setting)
    },
    Workload(name: "alexnet-train", items: 32) { setting in
      let model = AlexNet(AlexNet.Configuration(.torchvision, dropout: setting.dropout(0.5)))
      return try classifier(model, .training, images: [32, 3, 224, 224], setting)
    },
    // As of xai-train: batch normalization amplifies rounding.
    Workload(name: "resnet50-train", items: 16, drift: 6e-2) { try resnet50(.training, batch: 16, $0) },
    Workload(name: "resnet50-infer16", items: 16) { try resnet50(.prediction, batch: 16, $0) },
    Workload(name: "resnet50-infer1", items: 1) { try resnet50(.prediction, batch: 1, $0) },
    Workload(name: "mobilenetv2-train", items: 16, drift: 2e-3) { try mobileNetV2(.training, batch: 16, $0) },
    Workload(name: "mobilenetv2-infer16", items: 16) { try mobileNetV2(.prediction, batch: 16, $0) },
    Workload(name: "mobilenetv2-infer1", items: 1) { try mobileNetV2(.prediction, batch: 1, $0) },
    Workload(name: "densenet121-train", items: 16, drift: 6e-2) { try denseNet121(.training, batch: 16, $0) },
    Workload(name: "densenet121-infer16", items: 16) { try denseNet121(.prediction, batch: 16, $0) },
    Workload(name: "densenet121-infer1", items: 1) { try denseNet121(.prediction, batch: 1, $0) },
    Workload(name: "lenet5-train", items: 64) { try leNet5(batch: 64, $0) },
    Workload(name: "lenet5-train8", items: 8) { try leNet5(batch: 8, $0) },
    Workload(name: "lenet5-train256", items: 256) { try leNet5(batch: 256, $0) },
    Workload(name: "mlp-train", items: 100) { setting in
      let dropout = [setting.dropout(0.25), 0]
      let model = MLP(MLP.Configuration(inputs: 784, hidden: [256, 128], dropout: dropout, outputs: 10))
      return try classifier(model, .training, images: [100, 1, 28, 28], setting)
    },
    Workload(name: "mlp4096-train", items: 256) { setting in
      let model = MLP(MLP.Configuration(inputs: 4096, hidden: [4096, 4096], outputs: 1000))
      return try classifier(model, .training, images: [256, 4096], setting)
    },
  ]

  private enum Kind {
    case training, trainingTheHead, prediction, integerPrediction, explanation

    /// Two classes are learned, those of ImageNet are told apart.
    var outputs: Int { self == .prediction || self == .integerPrediction ? 1000 : 2 }
  }

  private static func resnet18(_ kind: Kind, batch: Int, _ setting: Setting) throws -> Step {
    try resNet(.resnet18, kind, batch: batch, setting)
  }

  private static func resnet50(_ kind: Kind, batch: Int, _ setting: Setting) throws -> Step {
    try resNet(.resnet50, kind, batch: batch, setting)
  }

  private static func resNet(
    _ published: ResNet.Configuration, _ kind: Kind, batch: Int, _ setting: Setting
  ) throws -> Step {
    var configuration = published
    configuration.outputs = kind.outputs
    return try classifier(ResNet(configuration), kind, images: [batch, 3, 224, 224], setting)
  }

  /// Without dropout, as on every side of the comparison.
  private static func mobileNetV2(_ kind: Kind, batch: Int, _ setting: Setting) throws -> Step {
    var configuration = MobileNetV2.Configuration.mobilenetV2
    (configuration.outputs, configuration.dropout) = (kind.outputs, 0)
    return try classifier(MobileNetV2(configuration), kind, images: [batch, 3, 224, 224], setting)
  }

  private static func denseNet121(_ kind: Kind, batch: Int, _ setting: Setting) throws -> Step {
    var configuration = DenseNet.Configuration.densenet121
    configuration.classes = kind.outputs
    return try classifier(DenseNet(configuration), kind, images: [batch, 3, 224, 224], setting)
  }

  private static func leNet5(batch: Int, _ setting: Setting) throws -> Step {
    try classifier(LeNet(.lenet5), .training, images: [batch, 1, 28, 28], setting)
  }

  /// A training step of everything or of the head alone, or a prediction.
  private static func classifier(
    _ model: some Classifier, _ kind: Kind, images shape: [Int], _ setting: Setting
  ) throws -> Step {
    model.initialize(seed: 0)
    if let start = setting.start { try model.load(start.weights) }
    let x = try setting.start?.tensor("x") ?? Tensor(normal: 0, deviation: 1, stream: stream("x"), shape: shape)
    if kind == .integerPrediction { return try integerPrediction(model, x) }
    if kind == .prediction {
      let model = model.frozenForInference()
      return Step {
        _ = model(x).scalars
        return nil
      }
    }
    if kind == .explanation {
      let explainer = Explainer(model) { model($0) }
      return Step {
        _ = try explainer.gradCAM(x).values.scalars
        return nil
      }
    }
    let y =
      try setting.start?.integers("y") ?? random("y", below: model.configuration.outputs, shape: [shape[0]])
    if kind == .trainingTheHead { model.freezeBackbone() }
    return try training(model) { crossEntropy(model(x), labels: y) }
  }

  /// A prediction in 8-bit integers, of new images each step.
  private static func integerPrediction(_ model: some Classifier, _ calibrationImages: Tensor) throws -> Step {
    let calibration = Calibration(of: model)
    calibration.observe { _ = model(calibrationImages).scalars }
    try calibration.quantize()
    let model = model.frozenForInference()
    var x = calibrationImages
    var number = 0
    let renew = {
      number += 1
      x = Tensor(normal: 0, deviation: 1, stream: stream("x \(number)"), shape: calibrationImages.shape)
    }
    return Step(renewing: renew) {
      _ = model(x).scalars
      return nil
    }
  }
}
