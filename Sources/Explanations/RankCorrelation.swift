import AviaryDiagnostics

/// Spearman's rank correlation of two lists of numbers, from −1 to 1; equal numbers share their mean rank. Nil where one of
/// the lists is constant.
public func rankCorrelation(_ a: [Float], _ b: [Float]) -> Double? {
  ensure(a.count == b.count, "rankCorrelation: \(a.count) and \(b.count) numbers")
  let (x, y) = (ranks(a), ranks(b))
  let middle = Double(a.count + 1) / 2
  var (xy, xx, yy) = (0.0, 0.0, 0.0)
  for (p, q) in zip(x, y) {
    xy += (p - middle) * (q - middle)
    xx += (p - middle) * (p - middle)
    yy += (q - middle) * (q - middle)
  }
  return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : nil
}

/// The rank of each number, from 1.
private func ranks(_ numbers: [Float]) -> [Double] {
  let order = numbers.indices.sorted { numbers[$0] < numbers[$1] }
  var ranks = [Double](repeating: 0, count: numbers.count)
  var start = 0
  while start < order.count {
    var end = start + 1
    while end < order.count, numbers[order[end]] == numbers[order[start]] { end += 1 }
    for place in order[start..<end] { ranks[place] = Double(start + 1 + end) / 2 }
    start = end
  }
  return ranks
}
