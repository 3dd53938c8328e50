import AviaryDiagnostics
import AviaryKernels

// The pass's noise, the layer's path and the number of the call decide which elements are dropped, so the same step drops
// the same elements again.

/// Dropout (Srivastava et al., 2014) in training mode: each element is zero with probability `rate`, else divided by
/// 1 − rate; in inference mode the identity.
///
/// - Parameter path: the path of the layer. With the pass's noise and the number of the call it decides which elements are
///   dropped.
public func dropout(_ x: Tensor, rate: Float, path: String = "") -> Tensor {
  ensure((0...1).contains(rate), "dropout: the rate \(rate) is not a probability")
  return operation {
    let pass = Pass.current.onComputeThread
    guard pass.mode == .training, pass.drops, rate > 0, let drawing = pass.drawing else { return x }
    if rate == 1 { return composed(.init("dropout", "rate", .number(1)), from: [x]) { x * 0 } }
    let stream = drawing.stream(purpose: "dropout", path: path)
    let first = pass.share?.firstElement(of: x.shape) ?? 0
    let y = Tensor(x.buffer.droppedOut(rate: rate, stream: stream, from: first), shape: x.shape)
    return recorded(y, as: .init("dropout", .dropout(rate: rate, stream: stream.identity)), from: x) {
      [x = x.operand] dy, cotangents in
      cotangents.add(Tensor(dy.buffer.droppedOut(rate: rate, stream: stream, from: first), shape: x.shape), to: x)
    }
  }
}

/// Spatial dropout (Tompson et al., 2015) in training mode: each channel of [N, C, …] is zeroed as a whole with
/// probability `rate`, else divided by 1 − rate; in inference mode the identity.
///
/// - Parameter path: the path of the layer; see `dropout`.
public func channelDropout(_ x: Tensor, rate: Float, path: String = "") -> Tensor {
  ensure((0...1).contains(rate), "channel dropout: the rate \(rate) is not a probability")
  ensure(x.rank >= 2, "channel dropout: \(x.shape) has no channels")
  return operation {
    let pass = Pass.current.onComputeThread
    guard pass.mode == .training, pass.drops, rate > 0, let drawing = pass.drawing else { return x }
    if rate == 1 { return composed(.init("channelDropout", "rate", .number(1)), from: [x]) { x * 0 } }
    let stream = drawing.stream(purpose: "channel dropout", path: path)
    return composed(.init("channelDropout", .dropout(rate: rate, stream: stream.identity)), from: [x]) {
      let channels = Array(x.shape.prefix(2))
      let mask = Buffer.filled(1, shape: channels).droppedOut(
        rate: rate, stream: stream, from: pass.share?.firstElement(of: channels) ?? 0)
      return x * Tensor(mask, shape: channels).reshaped(to: channels + Array(repeating: 1, count: x.rank - 2))
    }
  }
}

/// What stochastic depth drops together.
public enum StochasticDepthMode: String, Codable, Sendable, CaseIterable {
  /// The whole batch.
  case batch
  /// Each item of the batch by itself.
  case row
}

/// Stochastic depth (Huang et al., 2016) in training mode: a residual branch [N, …] is zero with probability `rate`, all of
/// it or row by row, else divided by 1 − rate; in inference mode the identity.
///
/// - Parameter path: the path of the layer; see `dropout`.
public func stochasticDepth(
  _ x: Tensor, rate: Float, mode: StochasticDepthMode = .row, path: String = ""
) -> Tensor {
  ensure((0...1).contains(rate), "stochastic depth: the rate \(rate) is not a probability")
  ensure(x.rank >= 1, "stochastic depth: \(x.shape) has no rows")
  return operation {
    let pass = Pass.current.onComputeThread
    guard pass.mode == .training, pass.drops, rate > 0, let drawing = pass.drawing else { return x }
    if rate == 1 { return composed(.init("stochasticDepth", "rate", .number(1)), from: [x]) { x * 0 } }
    let stream = drawing.stream(purpose: "stochastic depth", path: path)
    func description() -> OperationDescription {
      let form = AttributeForm.dropout(rate: rate, stream: stream.identity)
      return .init("stochasticDepth", form.attributes.merging(["mode": .text(mode.rawValue)]) { $1 })
    }
    return composed(description(), from: [x]) {
      let rows = mode == .row ? x.shape[0] : 1
      let first = mode == .row ? pass.share?.firstElement(of: [rows]) ?? 0 : 0
      let kept = Buffer.filled(1, shape: [rows]).droppedOut(rate: rate, stream: stream, from: first)
      let shape = [rows] + Array(repeating: 1, count: x.rank - 1)
      return x * Tensor(kept.reshaped(to: shape), shape: shape)
    }
  }
}

/// DropBlock (Ghiasi et al., 2018) in training mode: squares of `block` × `block` positions of each channel of
/// [N, C, H, W] are zero, and the rest is divided by the share that is kept; in inference mode the identity.
///
/// A square starts with probability γ = rate / block² · H·W / ((H − block + 1)·(W − block + 1)) at every position where
/// it fits into the image, so that about `rate` of the elements are dropped. In an image smaller than a block, the block is
/// as large as the image's shorter side.
///
/// - Parameter path: the path of the layer; see `dropout`.
public func dropBlock(_ x: Tensor, block: Int, rate: Float, path: String = "") -> Tensor {
  ensure((0...1).contains(rate), "DropBlock: the rate \(rate) is not a probability")
  ensure(x.rank == 4 && block >= 1, "DropBlock: blocks of size \(block) cannot be cut from \(x.shape)")
  return operation {
    let pass = Pass.current.onComputeThread
    guard pass.mode == .training, pass.drops, rate > 0, x.count > 0, let drawing = pass.drawing else { return x }
    let (rows, columns) = (x.shape[2], x.shape[3])
    let block = min(block, rows, columns)
    let gamma =
      Double(rate) / Double(block * block) * Double(rows * columns)
      / Double((rows - block + 1) * (columns - block + 1))
    let stream = drawing.stream(purpose: "DropBlock", path: path)
    let (mask, kept) = Buffer.droppingBlocks(
      planes: x.shape[0] * x.shape[1], rows: rows, columns: columns, block: block, rate: Float(gamma), stream: stream)
    let scale = kept == 0 ? 0 : Float(x.count) / Float(kept)
    func description() -> OperationDescription {
      let form = AttributeForm.dropout(rate: rate, stream: stream.identity)
      return .init("dropBlock", form.attributes.merging(["block": .integer(block)]) { $1 })
    }
    return composed(description(), from: [x]) {
      x * Tensor(mask.scaled(by: scale).reshaped(to: x.shape), shape: x.shape)
    }
  }
}
