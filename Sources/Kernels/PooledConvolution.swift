/// A convolution and the pooling of its result, a few images at a time: the caches hold what lies between the two, and it
/// never exists as a whole.
package struct PooledConvolution {
  private let convolution: Plan
  private let pooling: Plan
  /// Of the results of all images.
  private let result: Layout
  private let parts: Int
  /// The input of all images.
  package let source: Layout
  /// The layout of the weights.
  package var weights: Layout { convolution.weights }

  /// What a part's convolution may put out, and from where on parts pay: measured with 1 MB of cache a core and 32 MB for
  /// all.
  private static let mostBytes = 8 << 20
  private static let leastBytes = 16 << 20

  /// Nil where caches hold the result of the convolution, or where images lie otherwise in a part than in the whole.
  package init?(_ shape: ConvolutionShape, _ pooling: Pooling, source: Layout, pass: ConvolutionPass, relu: Bool) {
    let batch = shape.input[0]
    let bytes = shape.output.dropFirst().reduce(4, *)
    guard shape.precision == .float32, batch > 1, batch * bytes >= Self.leastBytes,
      let images = (1...batch).last(where: { batch % $0 == 0 && ($0 == 1 || $0 * bytes <= Self.mostBytes) })
    else { return nil }
    let whole = shape.forward(source: source, pass: pass, relu: relu, add: false)
    let wholePooling = pooling.plan(of: whole.destination)
    convolution = shape.ofImages(images).forward(
      source: .plain([images] + shape.input.dropFirst()), pass: pass, relu: relu, add: false)
    self.pooling = pooling.ofImages(images).plan(of: convolution.destination)
    self.source = whole.source
    result = wholePooling.destination
    parts = batch / images
    guard convolution.source.isPart(of: whole.source), self.pooling.destination.isPart(of: result) else { return nil }
  }

  /// - Parameter convolving: runs the convolutions under the label of their layer.
  package func callAsFunction(
    _ x: Buffer, weights: Buffer, bias: Buffer?, convolving: (() -> Void) -> Void
  ) -> Buffer {
    let between = Buffer(convolution.destination)
    let y = Buffer(result)
    for part in 0..<parts {
      convolving {
        unsafe convolution.execute { buffers in
          unsafe buffers.source = x.address + part * convolution.source.byteCount
          unsafe buffers.weights = weights.address
          unsafe buffers.bias = bias?.address
          unsafe buffers.destination = between.address
        }
      }
      unsafe pooling.execute { buffers in
        unsafe buffers.source = between.address
        unsafe buffers.destination = y.address + part * pooling.destination.byteCount
      }
    }
    return y
  }
}

extension ConvolutionShape {
  fileprivate func ofImages(_ count: Int) -> ConvolutionShape {
    ConvolutionShape(
      input: [count] + input.dropFirst(), weights: weights, window: window, groups: groups, hasBias: hasBias)
  }
}

extension Pooling {
  fileprivate func ofImages(_ count: Int) -> Pooling {
    Pooling(kind: kind, input: [count] + input.dropFirst(), output: [count] + output.dropFirst(), window: window)
  }
}

extension Layout {
  /// Whether images of this layout, one part after the other, make up the other.
  fileprivate func isPart(of whole: Layout) -> Bool {
    isPlain && whole.isPlain || channelBlock != nil && channelBlock == whole.channelBlock
  }
}
