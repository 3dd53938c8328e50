/// What stands outside of a picture that is moved: the modes of `scipy.ndimage` and of Keras's `ImageDataGenerator`.
public enum FillMode: String, Codable, CaseIterable, Sendable {
  /// A colour: kkkk|abcd|kkkk.
  case constant
  /// The nearest pixel of the border: aaaa|abcd|dddd.
  case nearest
  /// The picture in a mirror at its border: dcba|abcd|dcba.
  case reflect
  /// The picture again, whose first pixel lies on the last one of its predecessor, as SciPy has it.
  case wrap
}

extension DecodedImage {
  /// The picture moved by a map, at the size it has, with more of it beyond its borders:
  /// `scipy.ndimage.affine_transform(…, order=1, mode=mode)` of each channel, rounded.
  public func transformed(by map: AffineMap, extending mode: FillMode) -> DecodedImage {
    let pixels = pixels
    let (across, along) = (Extension(mode, width), Extension(mode, height))
    var moved: [UInt8] = []
    moved.reserveCapacity(pixels.count)
    for row in 0..<height {
      for column in 0..<width {
        let (right, down) = (Double(column) + 0.5, Double(row) + 0.5)
        let x = across.place(map.a * right + map.b * down + map.c - 0.5)
        let y = along.place(map.d * right + map.e * down + map.f - 0.5)
        for channel in 0..<3 {
          func between(_ row: Int) -> Double {
            let start = 3 * width * row + channel
            return Double(pixels[start + 3 * x.first]) * (1 - x.share)
              + Double(pixels[start + 3 * x.second]) * x.share
          }
          let value = between(y.first) * (1 - y.share) + between(y.second) * y.share
          moved.append(UInt8(min(max((value + 0.5).rounded(.down), 0), 255)))
        }
      }
    }
    return DecodedImage(width: width, height: height, pixels: moved)
  }

  /// The positions of pixels along an axis, and what stands for them outside of the picture.
  private struct Extension {
    let mode: FillMode
    let length: Int

    init(_ mode: FillMode, _ length: Int) {
      self.mode = mode
      self.length = length
    }

    /// The two pixels around a position, at which the first pixel's centre is 0, and how far it is towards the second.
    func place(_ position: Double) -> (first: Int, second: Int, share: Double) {
      let last = Double(length - 1)
      var position = position
      switch mode {
      case .constant, .nearest: position = min(max(position, 0), last)
      case .wrap where length > 1:
        if position < 0 || position > last { position -= last * (position / last).rounded(.down) }
      case .wrap: position = 0
      case .reflect:
        // A period back and forth; positions themselves stay within an integer's range.
        position -= 2 * Double(length) * (position / (2 * Double(length))).rounded(.down)
      }
      let first = position.rounded(.down)
      return (pixel(Int(first)), pixel(Int(first) + 1), position - first)
    }

    private func pixel(_ number: Int) -> Int {
      guard mode == .reflect else { return min(max(number, 0), length - 1) }
      let place = number % (2 * length)
      return place < length ? place : 2 * length - 1 - place
    }
  }
}
