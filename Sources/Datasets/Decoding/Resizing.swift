import CKernels

/// Which input pixels an output pixel of one axis is made of, and their weights, as Pillow computes them.
struct ResizeWeights {
  var starts: [Int32] = []
  var counts: [Int32] = []
  /// `taps` for each output pixel, the unused ones zero, in fixed point with `AVIARY_RESIZE_BITS` bits of fraction.
  var weights: [Int32] = []
  let taps: Int

  /// The triangle filter (bilinear), widened by the ratio of the sizes where the picture shrinks, so that no pixel is
  /// passed over. Only the output pixels in `kept` are computed.
  init(from input: Int, to output: Int, keeping kept: Range<Int>) {
    let scale = Double(input) / Double(output)
    let support = max(scale, 1)
    taps = Int(support.rounded(.up)) * 2 + 1
    let step = 1 / support
    for x in kept {
      let center = (Double(x) + 0.5) * scale
      let start = max(Int(center - support + 0.5), 0)
      let count = min(Int(center + support + 0.5), input) - start
      var values = (0..<count).map { t in
        max(1 - abs((Double(t + start) - center + 0.5) * step), 0)
      }
      let sum = values.reduce(0, +)
      if sum != 0 { for t in values.indices { values[t] /= sum } }
      starts.append(Int32(start))
      counts.append(Int32(count))
      let one = Double(1 << AVIARY_RESIZE_BITS)
      weights += values.map { Int32(0.5 + $0 * one) }
      weights += repeatElement(0, count: taps - count)
    }
  }
}

extension DecodedImage {
  /// The picture, or the part of it in `box`, at another size: antialiased bilinear, equal to the last bit to Pillow's
  /// `crop(box).resize((width, height), Resampling.BILINEAR)`.
  ///
  /// - Parameter kept: the part of the result that is wanted; only that is computed.
  /// - Precondition: the box lies within the picture, `kept` within the result, and none is empty.
  public func resized(
    width newWidth: Int, height newHeight: Int, from box: CropBox? = nil, keeping kept: CropBox? = nil
  ) -> DecodedImage {
    let box = box ?? CropBox(x: 0, y: 0, width: width, height: height)
    let kept = kept ?? CropBox(x: 0, y: 0, width: newWidth, height: newHeight)
    precondition(
      newWidth > 0 && newHeight > 0 && box.lies(inWidth: width, height: height)
        && kept.lies(inWidth: newWidth, height: newHeight),
      "resize: \(box) of a \(width)x\(height) image to \(newWidth)x\(newHeight), keeping \(kept)")

    // A side that stays as long as it was is cut, not resampled.
    var (image, columns, rows) = (self, box.x..<(box.x + box.width), box.y..<(box.y + box.height))
    if newHeight == box.height {
      rows = (box.y + kept.y)..<(box.y + kept.y + kept.height)
    }
    if newWidth == box.width {
      columns = (box.x + kept.x)..<(box.x + kept.x + kept.width)
    } else {
      let axis = ResizeWeights(from: box.width, to: newWidth, keeping: kept.x..<(kept.x + kept.width))
      image = image.resampledHorizontally(from: columns.lowerBound, rows: rows, axis)
      columns = 0..<kept.width
      rows = 0..<rows.count
    }
    if newHeight == box.height {
      return image.cropped(
        to: CropBox(x: columns.lowerBound, y: rows.lowerBound, width: kept.width, height: kept.height))
    }
    let axis = ResizeWeights(from: box.height, to: newHeight, keeping: kept.y..<(kept.y + kept.height))
    return image.resampledVertically(from: rows.lowerBound, columns: columns, axis)
  }

  private func resampledHorizontally(from x: Int, rows: Range<Int>, _ axis: ResizeWeights) -> DecodedImage {
    let (newWidth, stride, origin) = (axis.starts.count, 3 * width, 3 * (rows.lowerBound * width + x))
    let resampled = unsafe [UInt8](unsafeUninitializedCapacity: 3 * rows.count * newWidth) { output, count in
      unsafe pixels.withUnsafeBufferPointer { input in
        unsafe aviary_resize_horizontal(
          input.baseAddress! + origin, stride, output.baseAddress, rows.count, newWidth, axis.starts, axis.counts,
          axis.weights, axis.taps)
      }
      count = 3 * rows.count * newWidth
    }
    return DecodedImage(width: newWidth, height: rows.count, pixels: resampled)
  }

  private func resampledVertically(from y: Int, columns: Range<Int>, _ axis: ResizeWeights) -> DecodedImage {
    let (newHeight, stride, rowBytes) = (axis.starts.count, 3 * width, 3 * columns.count)
    let origin = 3 * (y * width + columns.lowerBound)
    let resampled = unsafe [UInt8](unsafeUninitializedCapacity: rowBytes * newHeight) { output, count in
      unsafe pixels.withUnsafeBufferPointer { input in
        unsafe aviary_resize_vertical(
          input.baseAddress! + origin, stride, output.baseAddress, rowBytes, newHeight, axis.starts, axis.counts,
          axis.weights, axis.taps)
      }
      count = rowBytes * newHeight
    }
    return DecodedImage(width: columns.count, height: newHeight, pixels: resampled)
  }

  /// Appends the picture as three planes of Float32, [3, height, width]: value v of input channel `source[c]` becomes
  /// `tables[256 * c + v]` in plane c.
  func appendPlanes(source: [Int32], tables: [Float], to planes: inout [Float]) {
    precondition(source.count == 3 && tables.count == 768 && source.allSatisfy { (0..<3).contains($0) })
    let size = width * height
    planes += unsafe [Float](unsafeUninitializedCapacity: 3 * size) { output, count in
      unsafe aviary_planes_from_rgb(pixels, output.baseAddress, size, source, tables)
      count = 3 * size
    }
  }
}
