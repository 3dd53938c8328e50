#ifndef AVIARY_CONEDNN_H
#define AVIARY_CONEDNN_H
#endif
