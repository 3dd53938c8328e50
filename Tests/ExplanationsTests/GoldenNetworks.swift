import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport

@testable import AviaryExplanations

/// The networks of tools/goldens_explain.py.
enum GoldenNetworks {
  struct Block: UnaryLayer {
    let conv1: Conv2d
    let bn1: BatchNorm2d
    let conv2: Conv2d
    let bn2: BatchNorm2d
    let downsample: Sequential?

    init(_ inputs: Int, _ outputs: Int, stride: Int) {
      conv1 = Conv2d(inputs, outputs, kernel: 3, stride: stride, padding: 1, bias: false)
      bn1 = BatchNorm2d(outputs)
      conv2 = Conv2d(outputs, outputs, kernel: 3, padding: 1, bias: false)
      bn2 = BatchNorm2d(outputs)
      downsample =
        stride == 1
        ? nil : Sequential([Conv2d(inputs, outputs, kernel: 1, stride: stride, bias: false), BatchNorm2d(outputs)])
    }

    func forward(_ x: Tensor) -> Tensor {
      relu(bn2(conv2(relu(bn1(conv1(x))))) + (downsample?(x) ?? x))
    }
  }

  struct Residual: UnaryLayer {
    let conv1 = Conv2d(3, 6, kernel: 3, padding: 1, bias: false)
    let bn1 = BatchNorm2d(6)
    let maxpool = MaxPool2d(2)
    let layer1 = Block(6, 6, stride: 1)
    let layer2 = Block(6, 8, stride: 2)
    let fc = Linear(8, 4)

    func forward(_ x: Tensor) -> Tensor {
      fc(layer2(layer1(maxpool(relu(bn1(conv1(x)))))).mean(over: [2, 3]))
    }
  }

  static func plain() -> Sequential {
    Sequential([
      Conv2d(3, 5, kernel: 3, padding: 1), Activation.relu, MaxPool2d(2), Conv2d(5, 6, kernel: 3), Activation.relu,
      AvgPool2d(2), Flatten(), Linear(24, 10), Activation.relu, Linear(10, 4),
    ])
  }

  static func attention() -> VisionTransformer {
    var configuration = VisionTransformer.Configuration.toy
    configuration.imageSize = 12
    return VisionTransformer(configuration)
  }

  static let names = ["residual", "plain", "attention"]

  /// With weights by the formula of the goldens.
  static func named(_ name: String) -> any UnaryLayer {
    let network: any UnaryLayer =
      switch name {
      case "residual": Residual()
      case "plain": plain()
      default: attention()
      }
    network.initialize(seed: 0)
    for (k, entry) in network.inventory.stateful.enumerated() {
      switch entry.cell {
      case let parameter as Parameter: parameter.assign(values(k, entry.path, parameter.shape))
      case let buffer as Buffer: buffer.assign(values(k, entry.path, buffer.shape))
      default: break
      }
    }
    return network
  }

  private static func values(_ k: Int, _ path: String, _ shape: [Int]) -> Tensor {
    let isAroundOne = shape.count == 1 && (path.hasSuffix("weight") || path.hasSuffix("running_var"))
    let fanIn = shape.dropFirst().reduce(1, *)
    return formula(
      shape, k, scale: shape.count > 1 ? (6 / Double(fanIn)).squareRoot() : 0.1, offset: isAroundOne ? 1 : 0)
  }

  static func formula(_ shape: [Int], _ k: Int, scale: Double = 1, offset: Double = 0) -> Tensor {
    Tensor(Goldens.formula(count: shape.reduce(1, *), k: k, scale: scale, offset: offset), shape: shape)
  }

  static let x = formula([2, 3, 12, 12], 50)
  static let base = formula([1, 3, 12, 12], 51, scale: 0.5)
  static let target = Explainer.Target.outputs([2, 0])

  static func explainer(_ name: String) -> Explainer {
    func open(_ model: some UnaryLayer) -> Explainer { Explainer(model) }
    return open(named(name))
  }
}
