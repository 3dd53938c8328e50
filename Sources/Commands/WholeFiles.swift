import Aviary

/// Refuses a file that was read in part: a comparison or an average of the rest would look like one of the whole.
func requireWhole(_ checkpoint: Checkpoint, _ path: String) throws(CommandFault) {
  if let first = checkpoint.damage.first { throw .damaged(path: path, first: first) }
  if !checkpoint.unreadable.isEmpty { throw .unreadable(path: path, objects: checkpoint.unreadable) }
}

/// Says which tensors of a file were not read, where the network may do without them.
func tellUnreadable(_ checkpoint: Checkpoint, _ path: String) {
  for object in checkpoint.unreadable { tell("\(path): not read: \(object)") }
}
