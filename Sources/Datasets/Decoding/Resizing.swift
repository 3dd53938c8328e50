import AviaryDiagnostics
import CKernels

/// Which input pixels an output pixel of one axis is made of, and their weights, as Pillow computes them.
struct ResizeWeights {
  var starts: [Int32] = []
  var counts: [Int32] = []
  /// `taps` for each output pixel, the unused ones zero, in fixed point with `AVIARY_RESIZE_BITS` bits of fraction.
  var weights: [Int32] = []
  let taps: Int

  /// The filter, widened by the ratio of the sizes where the picture shrinks, so that no pixel is passed over. Only the output
  /// pixels in `kept` are computed.
  ///
  /// - Parameters:
  ///   - input: how many pixels there are.
  ///   - start: where among them what is resized begins.
  ///   - length: how long it is.
  init(
    from input: Int, start origin: Double, length: Double, to output: Int, keeping kept: Range<Int>,
    by interpolation: Preprocessing.Interpolation
  ) {
    let scale = length / Double(output)
    let support = max(scale, 1) * interpolation.reach
    // A multiple of four: the kernels take as many at a time.
    taps = (Int(support.rounded(.up)) * 2 + 1 + 3) / 4 * 4
    let step = 1 / max(scale, 1)
    let one = Double(1 << AVIARY_RESIZE_BITS)
    weights = [Int32](repeating: 0, count: kept.count * taps)
    starts.reserveCapacity(kept.count)
    counts.reserveCapacity(kept.count)
    var values = [Double](repeating: 0, count: taps)
    for (row, x) in kept.enumerated() {
      let center = origin + (Double(x) + 0.5) * scale
      let start = max(Int(center - support + 0.5), 0)
      let count = min(Int(center + support + 0.5), input) - start
      var sum = 0.0
      for t in 0..<count {
        values[t] = interpolation.weight(at: (Double(t + start) - center + 0.5) * step)
        sum += values[t]
      }
      for t in 0..<count {
        let share = sum != 0 ? values[t] / sum : values[t]
        weights[row * taps + t] = Int32((share < 0 ? -0.5 : 0.5) + share * one)
      }
      starts.append(Int32(start))
      counts.append(Int32(count))
    }
  }
}

extension Preprocessing.Interpolation {
  /// How far from an output pixel the filter looks, in input pixels, where the picture does not shrink.
  fileprivate var reach: Double { self == .bilinear ? 1 : 2 }

  /// The triangle, or Keys's cubic with a = -1/2, in Pillow's order of operations.
  fileprivate func weight(at place: Double) -> Double {
    let x = abs(place)
    switch self {
    case .bilinear: return max(1 - x, 0)
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    }
  }
}

/// One axis of a resize: the input pixels that are read, and their weights, counted from the first of them.
private struct ResizeAxis {
  var input: Range<Int>
  /// nil where pixels are copied.
  var weights: ResizeWeights?

  /// - Parameters:
  ///   - origin: where what is resized begins in a picture that has `limit` pixels along the axis.
  ///   - length: how long it is.
  init(
    from origin: Double, length: Double, within limit: Int, to size: Int, keeping kept: Range<Int>,
    by interpolation: Preprocessing.Interpolation
  ) {
    let source = ImagePart.pixels(from: origin, length: length, within: limit)
    let start = origin - Double(source.lowerBound)
    if start == 0 && length == Double(size) {
      input = (source.lowerBound + kept.lowerBound)..<(source.lowerBound + kept.upperBound)
      return
    }
    var weights = ResizeWeights(
      from: source.count, start: start, length: length, to: size, keeping: kept, by: interpolation)
    // Starts and ends grow along the axis, so the first and the last bound what is read.
    let last = weights.starts.count - 1
    let (first, end) = (weights.starts[0], weights.starts[last] + weights.counts[last])
    for x in weights.starts.indices { weights.starts[x] -= first }
    input = (source.lowerBound + Int(first))..<(source.lowerBound + Int(end))
    self.weights = weights
  }
}

extension DecodedImage {
  /// The picture, or the part of it in `box`, at another size: antialiased, equal to the last bit to Pillow's
  /// `crop(box).resize((width, height), Resampling.BILINEAR)`, or `BICUBIC`.
  ///
  /// - Parameters:
  ///   - kept: the part of the result that is wanted; only that is computed.
  ///   - interpolation: the filter.
  /// - Precondition: the box lies within the picture, `kept` within the result, and none is empty.
  public func resized(
    width newWidth: Int, height newHeight: Int, from box: CropBox? = nil, keeping kept: CropBox? = nil,
    by interpolation: Preprocessing.Interpolation = .bilinear
  ) -> DecodedImage {
    let box = box ?? CropBox(x: 0, y: 0, width: width, height: height)
    let kept = kept ?? CropBox(x: 0, y: 0, width: newWidth, height: newHeight)
    ensure(
      newWidth > 0 && newHeight > 0 && box.lies(inWidth: width, height: height)
        && kept.lies(inWidth: newWidth, height: newHeight),
      "resize: \(box) of a \(width)x\(height) image to \(newWidth)x\(newHeight), keeping \(kept)")
    return resized(width: newWidth, height: newHeight, from: ImagePart(box), keeping: kept, by: interpolation)
  }

  /// The same for a part whose sides may run through pixels; those that it touches are all that is looked at.
  func resized(
    width newWidth: Int, height newHeight: Int, from part: ImagePart, by interpolation: Preprocessing.Interpolation
  ) -> DecodedImage {
    resized(
      width: newWidth, height: newHeight, from: part,
      keeping: CropBox(x: 0, y: 0, width: newWidth, height: newHeight), by: interpolation)
  }

  private func resized(
    width newWidth: Int, height newHeight: Int, from part: ImagePart, keeping kept: CropBox,
    by interpolation: Preprocessing.Interpolation
  ) -> DecodedImage {
    // Along each axis: which input pixels are needed, and how they are weighted. A side that stays as long as it was
    // is cut, not resampled.
    let columns = ResizeAxis(
      from: part.x, length: part.width, within: width, to: newWidth, keeping: kept.x..<(kept.x + kept.width),
      by: interpolation)
    let rows = ResizeAxis(
      from: part.y, length: part.height, within: height, to: newHeight, keeping: kept.y..<(kept.y + kept.height),
      by: interpolation)
    // Sums are rounded after each pass, so the order shows in the last bit. It is Pillow 13's: rows first where that
    // takes away more than twice as many rows as columns are taken away.
    let isVerticalFirst =
      Double(newHeight) < part.height
      && part.height - Double(newHeight) > 2 * (part.width - Double(newWidth))
    switch (columns.weights, rows.weights) {
    case (nil, nil):
      return cropped(
        to: CropBox(x: columns.input.lowerBound, y: rows.input.lowerBound, width: kept.width, height: kept.height))
    case (let weights?, nil): return resampledHorizontally(columns.input, rows: rows.input, weights)
    case (nil, let weights?): return resampledVertically(rows.input, columns: columns.input, weights)
    case (let horizontal?, let vertical?):
      return isVerticalFirst
        ? resampledVertically(rows.input, columns: columns.input, vertical)
          .resampledHorizontally(0..<columns.input.count, rows: 0..<kept.height, horizontal)
        : resampledHorizontally(columns.input, rows: rows.input, horizontal)
          .resampledVertically(0..<rows.input.count, columns: 0..<kept.width, vertical)
    }
  }

  /// One pass over some rows of the picture; the weights count from the first of the input columns.
  private func resampledHorizontally(_ columns: Range<Int>, rows: Range<Int>, _ axis: ResizeWeights) -> DecodedImage {
    let (newWidth, stride, origin) = (axis.starts.count, 3 * width, 3 * (rows.lowerBound * width + columns.lowerBound))
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

  /// One pass over some columns of the picture; the weights count from the first of the input rows.
  private func resampledVertically(_ rows: Range<Int>, columns: Range<Int>, _ axis: ResizeWeights) -> DecodedImage {
    let (newHeight, stride, rowBytes) = (axis.starts.count, 3 * width, 3 * columns.count)
    let origin = 3 * (rows.lowerBound * width + columns.lowerBound)
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
}
