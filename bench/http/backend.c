// The cheapest backend: answers every HTTP/2 (prior knowledge) or HTTP/1.1 request with a canned 200; decodes no header,
// obeys flow control, and fills the dynamic table as a real server does (the date changes each second).
// With MESSAGES an answer is gRPC: so many messages of BODY_BYTES, then trailers.
//   cc -O2 -o backend backend.c; ./backend PORT BODY_BYTES [MESSAGES]
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
typedef uint8_t u8; typedef uint32_t u32;
struct pend { u32 id; int left; long win; };
struct conn { int fd, mode, out; u8 *rb; size_t rl; u8 *wb; size_t wl, wo, wc; long cwin; long iwin; int tbl; u32 cnt, pct, pcl, psv, pdt; time_t dsec; struct pend *q; int qn, qc; long drx; };
static int ep, body, messages, message; static u8 *bodyb; static char date[64]; static time_t nowsec;
static void need(struct conn *c, size_t n) { if (c->wl + n > c->wc) { c->wc = (c->wl + n) * 2; c->wb = realloc(c->wb, c->wc); } }
static void put(struct conn *c, const void *p, size_t n) { need(c, n); memcpy(c->wb + c->wl, p, n); c->wl += n; }
static void fh(struct conn *c, u32 len, int t, int f, u32 id) { u8 h[9] = { len >> 16, len >> 8, len, t, f, id >> 24, id >> 16, id >> 8, id }; put(c, h, 9); }
static void tick(void) { struct timespec t; clock_gettime(CLOCK_REALTIME_COARSE, &t); if (t.tv_sec != nowsec) { nowsec = t.tv_sec; struct tm g; gmtime_r(&nowsec, &g); strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &g); } }
static u8 *lit(u8 *p, int pre, const char *v) { int n = strlen(v); *p++ = pre; *p++ = n; memcpy(p, v, n); return p + n; }
static u8 *idx(u8 *p, u32 i) { if (i < 127) { *p++ = 0x80 | i; return p; } *p++ = 0xff; i -= 127; while (i >= 128) { *p++ = (i & 127) | 128; i >>= 7; } *p++ = i; return p; }
static void body_out(struct conn *c, struct pend *s) {
  while (s->left > 0) { long n = s->left; int at = 0; if (messages) { at = (body - s->left) % message; n = message - at; } if (n > 16384) n = 16384; if (n > c->cwin) n = c->cwin; if (n > s->win) n = s->win; if (n <= 0) return;
    fh(c, n, 0, !messages && n == s->left, s->id); put(c, bodyb + at, n); s->left -= n; s->win -= n; c->cwin -= n; }
  if (messages) { u8 b[32], *p = b; *p++ = 0; *p++ = 11; memcpy(p, "grpc-status", 11); p += 11; *p++ = 1; *p++ = '0'; fh(c, p - b, 1, 5, s->id); put(c, b, p - b); } }
static void reply(struct conn *c, u32 id) {
  u8 b[256], *p = b; char cl[16]; sprintf(cl, "%d", body); *p++ = 0x88;
  if (messages) { *p++ = 0x0f; p = lit(p, 0x10, "application/grpc"); } else
  if (!c->tbl) { *p++ = 0x0f; p = lit(p, 0x10, "text/plain"); *p++ = 0x0f; p = lit(p, 0x0d, cl); *p++ = 0x0f; p = lit(p, 0x27, "h2sink"); *p++ = 0x0f; p = lit(p, 0x12, date); }
  else { if (!c->cnt || c->cnt - c->pct > 40) { p = lit(p, 0x5f, "text/plain"); c->pct = c->cnt++; p = lit(p, 0x5c, cl); c->pcl = c->cnt++; p = lit(p, 0x76, "h2sink"); c->psv = c->cnt++; }
    else { p = idx(p, 61 + c->cnt - c->pct); p = idx(p, 61 + c->cnt - c->pcl); p = idx(p, 61 + c->cnt - c->psv); }
    if (c->dsec != nowsec) { p = lit(p, 0x61, date); c->pdt = c->cnt++; c->dsec = nowsec; } else p = idx(p, 61 + c->cnt - c->pdt); }
  fh(c, p - b, 1, body ? 4 : 5, id); put(c, b, p - b); if (!body) return;
  struct pend s = { id, body, c->iwin }; body_out(c, &s);
  if (s.left) { if (c->qn == c->qc) { c->qc = c->qc ? c->qc * 2 : 64; c->q = realloc(c->q, c->qc * sizeof s); } c->q[c->qn++] = s; } }
static void drain(struct conn *c) { int j = 0; for (int i = 0; i < c->qn; i++) { body_out(c, &c->q[i]); if (c->q[i].left) c->q[j++] = c->q[i]; } c->qn = j; }
static void closec(struct conn *c) { close(c->fd); free(c->rb); free(c->wb); free(c->q); free(c); }
static int flush_(struct conn *c) { while (c->wo < c->wl) { ssize_t n = send(c->fd, c->wb + c->wo, c->wl - c->wo, MSG_NOSIGNAL); if (n < 0) { if (errno == EAGAIN) break; return -1; } c->wo += n; }
  int w = c->wo < c->wl; if (!w) c->wo = c->wl = 0; if (w != c->out) { c->out = w; struct epoll_event e = { EPOLLIN | (w ? EPOLLOUT : 0), { c } }; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); } return 0; }
#define RB (1 << 18)
static int parse(struct conn *c) { u8 *d = c->rb; size_t p = 0, L = c->rl;
  if (!c->mode) { if (L < 24) { if (L >= 3 && memcmp(d, "PRI", 3)) c->mode = 1; else return 0; } else if (!memcmp(d, "PRI * HTTP/2.0", 14)) { c->mode = 2; p = 24;
      u8 s[12] = { 0, 3, 0, 0, 3, 232, 0, 4, 0, 16, 0, 0 }; fh(c, 12, 4, 0, 0); put(c, s, 12); u8 w[4] = { 0x3f, 0xff, 0, 0 }; fh(c, 4, 8, 0, 0); put(c, w, 4); } else c->mode = 1; }
  if (c->mode == 1) { for (;;) { u8 *e = memmem(d + p, L - p, "\r\n\r\n", 4); if (!e) break; p = e - d + 4; char h[256]; int n = sprintf(h, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nserver: h2sink\r\ndate: %s\r\n\r\n", body, date); put(c, h, n); put(c, bodyb, body); } }
  else while (L - p >= 9) { u32 len = d[p] << 16 | d[p + 1] << 8 | d[p + 2]; if (L - p - 9 < len) break; int t = d[p + 3], f = d[p + 4]; u32 id = (d[p + 5] & 127) << 24 | d[p + 6] << 16 | d[p + 7] << 8 | d[p + 8]; u8 *q = d + p + 9; p += 9 + len;
    switch (t) {
      case 1: if (f & 1) reply(c, id); break;
      case 0: c->drx += len; if (c->drx > 32768) { u8 w[4] = { c->drx >> 24, c->drx >> 16, c->drx >> 8, c->drx }; fh(c, 4, 8, 0, 0); put(c, w, 4); c->drx = 0; } if (f & 1) reply(c, id); else if (len) { u8 w[4] = { len >> 24, len >> 16, len >> 8, len }; fh(c, 4, 8, 0, id); put(c, w, 4); } break;
      case 4: if (!(f & 1)) { for (u32 i = 0; i + 6 <= len; i += 6) { int k = q[i] << 8 | q[i + 1]; u32 v = (u32)q[i + 2] << 24 | q[i + 3] << 16 | q[i + 4] << 8 | q[i + 5]; if (k == 4) { long dlt = (long)v - c->iwin; c->iwin = v; for (int j = 0; j < c->qn; j++) c->q[j].win += dlt; } if (k == 1 && v < 4096) c->tbl = 0; } fh(c, 0, 4, 1, 0); drain(c); } break;
      case 6: if (!(f & 1)) { fh(c, 8, 6, 1, 0); put(c, q, 8); } break;
      case 8: { u32 v = (q[0] & 127) << 24 | q[1] << 16 | q[2] << 8 | q[3]; if (!id) c->cwin += v; else for (int j = 0; j < c->qn; j++) if (c->q[j].id == id) c->q[j].win += v; if (c->qn) drain(c); break; }
      case 3: for (int j = 0; j < c->qn; j++) if (c->q[j].id == id) { c->q[j] = c->q[--c->qn]; break; } break; } }
  if (p) { memmove(d, d + p, L - p); c->rl = L - p; } return 0; }
int main(int ac, char **av) { int port = atoi(av[1]); body = atoi(av[2]); messages = ac > 3 ? atoi(av[3]) : 0; bodyb = malloc(body + 16384); memset(bodyb, 'x', body + 16384); tick();
  if (messages) { message = body + 5; bodyb[0] = 0; bodyb[1] = body >> 24; bodyb[2] = body >> 16; bodyb[3] = body >> 8; bodyb[4] = body; body = message * messages; }
  int l = socket(AF_INET, SOCK_STREAM, 0), one = 1; setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
  if (bind(l, (void *)&a, sizeof a) || listen(l, 4096)) { perror("listen"); return 1; } fcntl(l, F_SETFL, O_NONBLOCK); ep = epoll_create1(0); struct epoll_event e = { EPOLLIN, { NULL } }; epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
  for (;;) { struct epoll_event ev[256]; int n = epoll_wait(ep, ev, 256, 1000); tick();
    for (int i = 0; i < n; i++) { struct conn *c = ev[i].data.ptr;
      if (!c) { int fd; while ((fd = accept4(l, 0, 0, SOCK_NONBLOCK)) >= 0) { setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); c = calloc(1, sizeof *c); c->fd = fd; c->rb = malloc(RB); c->cwin = c->iwin = 65535; c->tbl = 1; e.events = EPOLLIN; e.data.ptr = c; epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e); } continue; }
      int bad = 0; if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) { ssize_t r = recv(c->fd, c->rb + c->rl, RB - c->rl, 0); if (r == 0 || (r < 0 && errno != EAGAIN)) bad = 1; else if (r > 0) { c->rl += r; parse(c); } }
      if (bad || flush_(c)) closec(c); } } }
