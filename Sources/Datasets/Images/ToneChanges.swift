// Changes of a picture's tones, as Pillow's `ImageEnhance` and `ImageOps` make them, to the last bit.

extension DecodedImage {
  /// Differences from a smoothed picture times a factor: 0 gives the smoothed one, 1 the picture itself.
  public func withSharpness(_ factor: Double) -> DecodedImage {
    var changed = smoothed()
    for at in changed.indices { changed[at] = Self.blend(changed[at], pixels[at], factor) }
    return DecodedImage(width: width, height: height, pixels: changed)
  }

  /// Means over 3×3 pixels, the middle one of which counts five times; the border stays as it is.
  private func smoothed() -> [UInt8] {
    var result = pixels
    guard width > 2, height > 2 else { return result }
    let row = 3 * width
    for y in 1..<height - 1 {
      for at in y * row + 3..<(y + 1) * row - 3 {
        var sum = 4 * Int(pixels[at])
        for start in [at - row, at, at + row] {
          sum += Int(pixels[start - 3]) + Int(pixels[start]) + Int(pixels[start + 3])
        }
        result[at] = UInt8((2 * sum + 13) / 26)
      }
    }
    return result
  }

  /// Only the highest bits of each value, 1 to 8 of them; with 0 the picture is black.
  public func posterized(bits: Int) -> DecodedImage {
    let kept = UInt8(truncatingIfNeeded: ~((1 << (8 - min(max(bits, 0), 8))) - 1))
    return mapped((0...255).map { UInt8($0) & kept })
  }

  /// Values from the threshold on become their opposites.
  public func solarized(threshold: Double) -> DecodedImage {
    mapped((0...255).map { (value: UInt8) -> UInt8 in Double(value) < threshold ? value : 255 - value })
  }

  /// Each channel stretched to 0…255.
  public func withAutomaticContrast() -> DecodedImage {
    mappingChannels { counts in
      guard let low = counts.firstIndex(where: { $0 > 0 }), let high = counts.lastIndex(where: { $0 > 0 }), high > low
      else { return nil }
      let scale = 255.0 / Double(high - low)
      let offset = -Double(low) * scale
      return (0...255).map { UInt8(min(max(Int(Double($0) * scale + offset), 0), 255)) }
    }
  }

  /// Each channel changed so that all values are about equally frequent.
  public func equalized() -> DecodedImage {
    mappingChannels { counts in
      let present = counts.filter { $0 > 0 }
      guard present.count > 1, let last = present.last else { return nil }
      let step = (width * height - last) / 255
      if step == 0 { return nil }
      var total = step / 2
      return counts.map { count in
        defer { total += count }
        return UInt8(min(total / step, 255))
      }
    }
  }

  /// - Parameter table: what the values of a channel become, from how often it has each; nil where they stay.
  private func mappingChannels(_ table: (_ counts: [Int]) -> [UInt8]?) -> DecodedImage {
    var changed = pixels
    for channel in 0..<3 {
      var counts = [Int](repeating: 0, count: 256)
      for at in stride(from: channel, to: pixels.count, by: 3) { counts[Int(pixels[at])] += 1 }
      guard let table = table(counts) else { continue }
      for at in stride(from: channel, to: pixels.count, by: 3) { changed[at] = table[Int(pixels[at])] }
    }
    return DecodedImage(width: width, height: height, pixels: changed)
  }
}
