#if TensorBoard
  import AviaryArchives
  import AviaryDiagnostics
  import AviaryTensors

  /// A picture of a tensor as a PNG file, 8 bits a channel and not compressed: pictures in event files are small.
  struct PNGImage {
    let width: Int
    let height: Int
    let channels: Int
    /// Row by row, top first, channels side by side.
    private let pixels: [UInt8]

    /// - Parameters:
    ///   - image: [1 or 3, height, width], from 0 to 1.
    ///   - factor: pixels a side of each element.
    init(_ image: Tensor, factor: Int) {
      let shape = image.shape
      ensure(shape.count == 3 && [1, 3].contains(shape[0]), "EventFile.image: \(shape) is not [1 or 3, height, width]")
      (channels, height, width) = (shape[0], shape[1] * factor, shape[2] * factor)
      let scalars = image.scalars
      var pixels: [UInt8] = []
      pixels.reserveCapacity(width * height * channels)
      for y in 0..<height {
        for x in 0..<width {
          for channel in 0..<channels {
            let value = scalars[(channel * shape[1] + y / factor) * shape[2] + x / factor]
            pixels.append(value.isNaN ? 0 : UInt8((min(max(value, 0), 1) * 255).rounded()))
          }
        }
      }
      self.pixels = pixels
    }

    /// The bytes of the file.
    var encoded: [UInt8] { PNGFile.encoded(pixels, width: width, height: height, channels: channels) }
  }
#endif
