import AviaryDiagnostics
import AviaryTensors

/// Maps [N, h, w] at another size, [N, height, width]: bilinear, pixels' centres aligned, as PyTorch's `interpolate` with
/// `mode="bilinear"` and Pillow's enlarge.
public func resampled(_ maps: Tensor, height: Int, width: Int) -> Tensor {
  ensure(
    maps.rank == 3 && maps.count > 0 && height > 0 && width > 0,
    "resampled: maps \(maps.shape) to \(height)×\(width)")
  let (h, w) = (maps.shape[1], maps.shape[2])
  if (h, w) == (height, width) { return maps }
  let (rows, columns) = (taps(from: h, to: height), taps(from: w, to: width))
  let scalars = maps.scalars
  var result: [Float] = []
  result.reserveCapacity(maps.shape[0] * height * width)
  for map in 0..<maps.shape[0] {
    for row in rows {
      let (upper, lower) = ((map * h + row.low) * w, (map * h + row.high) * w)
      for column in columns {
        let above = scalars[upper + column.low] * (1 - column.share) + scalars[upper + column.high] * column.share
        let below = scalars[lower + column.low] * (1 - column.share) + scalars[lower + column.high] * column.share
        result.append(above * (1 - row.share) + below * row.share)
      }
    }
  }
  return Tensor(result, shape: [maps.shape[0], height, width])
}

/// For every new place the two old ones around it, and the share of the second.
private func taps(from old: Int, to new: Int) -> [(low: Int, high: Int, share: Float)] {
  (0..<new).map { place in
    let exact = max(0, (Double(place) + 0.5) * Double(old) / Double(new) - 0.5)
    let low = min(Int(exact), old - 1)
    return (low, min(low + 1, old - 1), Float(exact - Double(low)))
  }
}
