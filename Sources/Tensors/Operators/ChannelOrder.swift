import AviaryDiagnostics
import AviaryKernels

/// The channels of tensors by turns, the first of each, then the second of each: k tensors of [N, C, …] → [N, k·C, …].
///
/// With the groups of channels that an array is made of it is the channel shuffle of Zhang et al. (2017), PyTorch's
/// `channel_shuffle`.
public func interleaved(_ parts: [Tensor]) -> Tensor {
  guard let first = parts.first else { stopProgram("interleaved: the list of tensors is empty") }
  ensure(
    first.rank >= 2 && parts.allSatisfy { $0.shape == first.shape },
    "interleaved: \(parts.map(\.shape)) do not go together")
  if parts.count == 1 { return first }
  var shape = first.shape
  let channels = shape[1]
  shape[1] *= parts.count
  return operation {
    let origins = (0..<shape[1]).map { channel in
      ChannelOrigin(source: Int32(channel % parts.count), channel: Int32(channel / parts.count))
    }
    guard let y = Buffer.gatheringChannels(parts.map(\.buffer), origins, shape: shape) else {
      return composed(.init("interleaved"), from: parts) {
        stacked(parts, axis: 2).flattened(from: 1, through: 2)
      }
    }
    return recorded(Tensor(y, shape: shape), as: .init("interleaved"), fromAll: parts) {
      [parts = parts.map(\.operand)] dy, cotangents in
      for (number, part) in parts.enumerated() where cotangents.wants(part) {
        let origins = (0..<channels).map { ChannelOrigin(source: 0, channel: Int32($0 * parts.count + number)) }
        if let piece = Buffer.gatheringChannels([dy.buffer], origins, shape: part.shape) {
          cotangents.add(Tensor(piece, shape: part.shape), to: part)
        } else {
          var apart = part.shape
          apart.insert(parts.count, at: 2)
          cotangents.add(dy.reshaped(to: apart).slice(axis: 2, at: number), to: part)
        }
      }
    }
  }
}
