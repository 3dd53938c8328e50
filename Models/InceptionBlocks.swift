// The blocks of Inception v3, with torchvision's names.

import AviaryLayers
import AviaryTensors

/// Chains of layers side by side, their results joined: [N, I, H, W] → [N, O, H', W'].
public struct InceptionBlock: UnaryLayer {
  /// A link of a chain.
  enum Link {
    case convolution(String, InceptionConvolution)
    /// Without weights, so that it needs no name.
    case pool(any UnaryLayer)
    case fork([[Link]])
  }

  private let branches: [[Link]]

  init(_ branches: [[Link]]) { self.branches = branches }

  public var children: [Child] { Self.children(of: branches) }

  private static func children(of branches: [[Link]]) -> [Child] {
    branches.flatMap { $0 }.flatMap { link -> [Child] in
      switch link {
      case .convolution(let name, let layer): [Child(name, layer)]
      case .pool: []
      case .fork(let branches): children(of: branches)
      }
    }
  }

  public func forward(_ x: Tensor) -> Tensor { Self.joined(branches, x) }

  private static func joined(_ branches: [[Link]], _ x: Tensor) -> Tensor {
    concatenated(
      branches.map { links in
        links.reduce(x) { x, link in
          switch link {
          case .convolution(_, let layer): layer(x)
          case .pool(let layer): layer.forward(x)
          case .fork(let branches): joined(branches, x)
          }
        }
      }, axis: 1)
  }
}

/// The blocks A to E of torchvision, their widths divided.
struct InceptionBlocks {
  let divisor: Int

  /// A convolution that keeps the size of the maps unless it is `valid`.
  func conv(
    _ inputs: Int, _ outputs: Int, _ kernel: [Int] = [1, 1], stride: Int = 1, valid: Bool = false
  ) -> InceptionConvolution {
    InceptionConvolution(
      inputs / divisor, outputs / divisor, kernel: kernel, stride: stride,
      padding: valid ? [0, 0] : kernel.map { $0 / 2 }, deviation: InceptionV3.deviation)
  }

  private func link(_ name: String, _ inputs: Int, _ outputs: Int, _ kernel: [Int] = [1, 1]) -> InceptionBlock.Link {
    .convolution(name, conv(inputs, outputs, kernel))
  }

  /// A 3×3 convolution that halves the maps.
  private func halving(_ name: String, _ inputs: Int, _ outputs: Int) -> InceptionBlock.Link {
    .convolution(name, conv(inputs, outputs, [3, 3], stride: 2, valid: true))
  }

  private var average: InceptionBlock.Link { .pool(AvgPool2d(3, stride: 1, padding: 1)) }
  private var maximum: InceptionBlock.Link { .pool(MaxPool2d(3, stride: 2)) }

  /// The paper's figure 5.
  func a(_ inputs: Int, pool: Int) -> InceptionBlock {
    InceptionBlock([
      [link("branch1x1", inputs, 64)],
      [link("branch5x5_1", inputs, 48), link("branch5x5_2", 48, 64, [5, 5])],
      [
        link("branch3x3dbl_1", inputs, 64), link("branch3x3dbl_2", 64, 96, [3, 3]),
        link("branch3x3dbl_3", 96, 96, [3, 3]),
      ],
      [average, link("branch_pool", inputs, pool)],
    ])
  }

  /// Halves the maps: figure 10.
  func b(_ inputs: Int) -> InceptionBlock {
    InceptionBlock([
      [halving("branch3x3", inputs, 384)],
      [
        link("branch3x3dbl_1", inputs, 64), link("branch3x3dbl_2", 64, 96, [3, 3]), halving("branch3x3dbl_3", 96, 96),
      ],
      [maximum],
    ])
  }

  /// With one-sided convolutions: figure 6.
  func c(_ inputs: Int, inner: Int) -> InceptionBlock {
    InceptionBlock([
      [link("branch1x1", inputs, 192)],
      [
        link("branch7x7_1", inputs, inner), link("branch7x7_2", inner, inner, [1, 7]),
        link("branch7x7_3", inner, 192, [7, 1]),
      ],
      [
        link("branch7x7dbl_1", inputs, inner), link("branch7x7dbl_2", inner, inner, [7, 1]),
        link("branch7x7dbl_3", inner, inner, [1, 7]), link("branch7x7dbl_4", inner, inner, [7, 1]),
        link("branch7x7dbl_5", inner, 192, [1, 7]),
      ],
      [average, link("branch_pool", inputs, 192)],
    ])
  }

  /// Halves the maps.
  func d(_ inputs: Int) -> InceptionBlock {
    InceptionBlock([
      [link("branch3x3_1", inputs, 192), halving("branch3x3_2", 192, 320)],
      [
        link("branch7x7x3_1", inputs, 192), link("branch7x7x3_2", 192, 192, [1, 7]),
        link("branch7x7x3_3", 192, 192, [7, 1]), halving("branch7x7x3_4", 192, 192),
      ],
      [maximum],
    ])
  }

  /// With branches that part again: figure 7.
  func e(_ inputs: Int) -> InceptionBlock {
    func fork(_ names: [String]) -> InceptionBlock.Link {
      .fork([[link(names[0], 384, 384, [1, 3])], [link(names[1], 384, 384, [3, 1])]])
    }
    return InceptionBlock([
      [link("branch1x1", inputs, 320)],
      [link("branch3x3_1", inputs, 384), fork(["branch3x3_2a", "branch3x3_2b"])],
      [
        link("branch3x3dbl_1", inputs, 448), link("branch3x3dbl_2", 448, 384, [3, 3]),
        fork(["branch3x3dbl_3a", "branch3x3dbl_3b"]),
      ],
      [average, link("branch_pool", inputs, 192)],
    ])
  }
}
